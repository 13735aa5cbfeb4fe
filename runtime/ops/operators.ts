/** Python's operators and protocols on tensors, under their Python names, for code that is carried over word by word. */
import { IndexError } from "../errors.js";
import { Tensor } from "../tensor/tensor.js";

/** Operator names by the method that does the same. `x.__iadd__(y)` is `x.add_(y)`. */
export const operatorMethods: Readonly<Record<string, string>> = {
  __abs__: "abs",
  __neg__: "neg",
  __pos__: "positive",
  __invert__: "bitwiseNot",
  __add__: "add",
  __sub__: "sub",
  __mul__: "mul",
  __div__: "div",
  __truediv__: "div",
  __floordiv__: "floorDivide",
  __mod__: "remainder",
  __pow__: "pow",
  __matmul__: "matmul",
  __and__: "bitwiseAnd",
  __or__: "bitwiseOr",
  __xor__: "bitwiseXor",
  __lshift__: "bitwiseLeftShift",
  __rshift__: "bitwiseRightShift",
  __iadd__: "add_",
  __isub__: "sub_",
  __imul__: "mul_",
  __idiv__: "div_",
  __itruediv__: "div_",
  __ifloordiv__: "floorDivide_",
  __imod__: "remainder_",
  __ipow__: "pow_",
  __iand__: "bitwiseAnd_",
  __ior__: "bitwiseOr_",
  __ixor__: "bitwiseXor_",
  __ilshift__: "bitwiseLeftShift_",
  __irshift__: "bitwiseRightShift_",
  __eq__: "eq",
  __ne__: "ne",
  __lt__: "lt",
  __le__: "le",
  __gt__: "gt",
  __ge__: "ge",
  __bool__: "isNonzero",
  __nonzero__: "isNonzero",
};

type Method = (this: Tensor, ...args: unknown[]) => unknown;

function only(t: Tensor): number | bigint {
  const value: unknown = t.item();
  return typeof value === "boolean" ? Number(value) : (value as number | bigint);
}

const protocols: Readonly<Record<string, Method>> = {
  __getitem__(index) {
    return this.at(...(Array.isArray(index) ? (index as never[]) : [index as never]));
  },
  __setitem__(index, value) {
    return this.setAt(index as never, value as never);
  },
  __delitem__() {
    throw new TypeError("Tensor does not support deleting items");
  },
  __len__() {
    if (this.ndim === 0) throw new TypeError("len() of a 0-d tensor");
    return this._shape[0];
  },
  __contains__(element) {
    return Boolean(
      this.eq(element as Tensor)
        .any()
        .item(),
    );
  },
  __reversed__() {
    return this.ndim === 0 ? this : this.flip(0);
  },
  __float__() {
    return Number(only(this));
  },
  __int__() {
    const value = only(this);
    return typeof value === "bigint" ? value : Math.trunc(value);
  },
  __index__() {
    if (this.dtype.isFloatingPoint || this.numel() !== 1) {
      throw new TypeError("only integer tensors of a single element can be converted to an index");
    }
    return only(this);
  },
  __iter__() {
    return this[Symbol.iterator]();
  },
};

/** Puts them on `Tensor.prototype`, after the methods they stand for. */
export function installOperators(): void {
  const define = (name: string | symbol, value: unknown): void => {
    Object.defineProperty(Tensor.prototype, name, { value, configurable: true, writable: true });
  };
  for (const [name, method] of Object.entries(operatorMethods)) {
    const found = (Tensor.prototype as unknown as Record<string, Method | undefined>)[method];
    if (found) define(name, found);
  }
  for (const [name, method] of Object.entries(protocols)) define(name, method);
  define("__long__", protocols["__int__"]);
  define(Symbol.iterator, rows);
}

/** The views along the first axis. */
function rows(this: Tensor): IterableIterator<Tensor> {
  if (this.ndim === 0) throw new TypeError("iteration over a 0-d tensor");
  if (this._shape[0] === undefined) throw new IndexError("a tensor without axes has no rows");
  return this.unbind(0)[Symbol.iterator]();
}

declare module "../tensor/tensor.js" {
  interface Tensor {
    /** The views along the first axis: `for (const row of x)`. @throws TypeError for 0-d tensors. */
    [Symbol.iterator](): IterableIterator<Tensor>;
  }
}
