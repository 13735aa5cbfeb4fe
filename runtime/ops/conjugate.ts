/** What has to do with complex numbers, for the real ones: these are their own conjugates. */
import { RuntimeError } from "../errors.js";
import { Tensor } from "../tensor/tensor.js";
import { zerosLike } from "./create.js";
import { num } from "./elementwise.js";
import { page, unary } from "./family.js";
import { adjoint } from "./matmul.js";
import { op, type OpFunction } from "./record.js";

function itself<const N extends string>(name: N, what: string): OpFunction<`${N}(Tensor input) -> Tensor`> {
  return op({
    signature: `${name}(Tensor input) -> Tensor` as string,
    on: name === "real" ? ["torch"] : ["torch", "Tensor"],
    doc: `${what}: of real numbers, the tensor itself.\n\n${page(name)}`,
    call: ((input: Tensor) => input) as never,
  }) as OpFunction<`${N}(Tensor input) -> Tensor`>;
}

export const real = itself("real", "The real part");
export const conj = itself("conj", "The conjugate");
export const conjPhysical = op({
  signature: "conj_physical(Tensor input, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `The conjugate: of real numbers, the tensor itself.\n\n${page("conj_physical")}`,
  call: (input) => input,
});
export const resolveConj = itself("resolve_conj", "The conjugate that waited, carried out");
export const resolveNeg = itself("resolve_neg", "The negation that waited, carried out");

const noImaginary = (): never => {
  throw new RuntimeError("imag is not implemented for tensors with non-complex dtypes.");
};

export const imag = op({
  signature: "imag(Tensor input) -> Tensor",
  on: ["torch"],
  doc: `The imaginary part: \`RuntimeError\`, for real numbers have none.\n\n${page("imag")}`,
  call: noImaginary,
});

export const angle = unary({
  signature: "angle(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `The argument: π for negative numbers, else 0.\n\n${page("angle")}`,
  promote: "float",
  inplace: false,
  lower: (b, [x]) => {
    const negative = b.node("Less", [x!, num(b, x!, 0)], undefined, "bool");
    const turned = b.node("Mul", [b.cast(negative, x!.dtype), num(b, x!, Math.PI)]);
    return b.node("Where", [b.node("IsNaN", [x!], undefined, "bool"), x!, turned], undefined, x!.dtype);
  },
  grad: (g) => zerosLike(g),
});

Object.defineProperties(Tensor.prototype, {
  real: {
    configurable: true,
    get(this: Tensor) {
      return this;
    },
  },
  imag: { configurable: true, get: noImaginary },
  mH: {
    configurable: true,
    get(this: Tensor) {
      return adjoint(this);
    },
  },
  H: {
    configurable: true,
    get(this: Tensor) {
      if (this.ndim !== 2 && this.ndim !== 0) {
        throw new RuntimeError(
          `tensor.H is only supported on matrices (2-D tensors). Got ${String(this.ndim)}-D tensor. For batches of ` +
            "matrices, consider using tensor.mH",
        );
      }
      return this.ndim === 0 ? this : adjoint(this);
    },
  },
});

declare module "../tensor/tensor.js" {
  interface Tensor {
    /** The real part: the tensor itself. */
    readonly real: Tensor;
    /** The imaginary part: `RuntimeError` for real tensors. */
    readonly imag: Tensor;
    /** A view of a matrix with its axes exchanged (and conjugated, if complex). */
    readonly H: Tensor;
    /** A view with the last two axes exchanged (and conjugated, if complex). */
    readonly mH: Tensor;
  }
}
