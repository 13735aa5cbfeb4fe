import type { Primitive } from "../graph/primitive.js";
import type { Attrs, Meta } from "../graph/value.js";
import { RuntimeError } from "../errors.js";
import { placed, type DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import { holdsQuantized } from "../tensor/quantized.js";
import { Tensor } from "../tensor/tensor.js";
import { bind } from "./bind.js";
import { parseSignature, type Bound, type CallArgs, type Returns, type Signature } from "./schema.js";
import { checkNoPartialOverlap, inPlace, inPlaceView, writeOut } from "./inplace.js";
import { nameSteps } from "./apply.js";
import { stepOf } from "./steps.js";
import { lastStep } from "../autograd/node.js";
import { callIsOn, enterCall, leaveCall, reportResult } from "./depth.js";
import { noteFailure } from "./failure.js";

/** What a gradient rule sees of the call. Inputs and outputs are checked for in-place changes when they are used. */
export interface GradContext<A extends Attrs = Attrs> {
  readonly attrs: A;
  /** How many inputs there are. */
  readonly inputs: number;
  /** The input as it was; throws when it was changed in place since. */
  input(i: number): Tensor;
  output(i?: number): Tensor;
  /** Shape and dtype of an input, free of that check. */
  inputMeta(i: number): Meta;
  outputMeta(i?: number): Meta;
  /** Whether a gradient of this input is wanted. */
  needs(i: number): boolean;
}

type GradResult = Tensor | null | undefined | (() => Tensor | null | undefined);

/**
 * Gradients of the inputs from those of the outputs, written in terms of other ops, so that they can be differentiated
 * again. An entry may be a function: it is called only when that gradient is wanted. `g` is the gradient of the first
 * output; for several outputs `gs[i]` is `null` where none came.
 */
export type GradRule<A extends Attrs = Attrs> = (
  ctx: GradContext<A>,
  g: Tensor,
  gs: readonly (Tensor | null)[],
) => readonly GradResult[];

/** Multiply-accumulates of one call, for summaries; data movement and pointwise work count as 0. */
export type CostRule<A extends Attrs = Attrs> = (
  inputs: readonly Meta[],
  attrs: A,
  outputs: readonly Meta[],
) => number;

/**
 * A differentiable primitive: all that is known of one operation on values. Leaving out a rule does not compile.
 */
export interface OpPrimitive<A extends Attrs = Attrs> extends Primitive<A> {
  /** `null` says that the result has no gradient by nature (comparisons, indices). */
  readonly grad: GradRule<A> | null;
  /** The name of its backward step where PyTorch's is not the primitive's: `AddmmBackward0`. */
  readonly gradName?: string | ((attrs: A) => string);
  /** Inputs are broadcast against each other: their gradients are summed back to their shapes, centrally. */
  readonly broadcast?: boolean;
  /**
   * Strides of the result; `undefined` is C order. Default: C order, and with `broadcast` that of the operands, as
   * PyTorch's TensorIterator has it.
   */
  readonly layout?: (inputs: readonly Tensor[], shape: readonly number[]) => readonly number[] | undefined;
  readonly cost?: CostRule<A>;
  /** For views: writes `value` over the part of `base` that the view shows. */
  readonly viewScatter?: (base: Tensor, value: Tensor, attrs: A) => Tensor;
  /** For views: whether several elements may be one of the base's, so that a part of them cannot be written alone. */
  readonly viewRepeats?: (attrs: A) => boolean;
}

/** @internal The names of the primitives: an op that has none of its own is made of others. */
export const primitiveNames = new Set<string>();

/** Declares a primitive. */
export function primitive<A extends Attrs>(p: OpPrimitive<A>): OpPrimitive<A> {
  primitiveNames.add(p.name);
  return p;
}

/** Calls an op whose first argument is a quantized tensor; set by `quantized.ts`. */
let callQuantized: (
  name: string,
  invoke: (...args: unknown[]) => unknown,
  args: readonly unknown[],
) => unknown;
export function setQuantizedCall(f: typeof callQuantized): void {
  callQuantized = f;
}

/** Where an op is reachable: `torch.x`, `x.op()`, `F.x`, `torch.linalg.x` … */
export type Space = "torch" | "Tensor" | "F" | "linalg" | "special" | "fft" | "init";

export type OutDtype = "cast" | "exact" | "asked";

interface OpOptions<S extends string> {
  readonly signature: S;
  /** What the op does, its formula and source, in Markdown: hover text. */
  readonly doc: string;
  /** Default: `torch`, and `Tensor` when the first parameter is a `Tensor`. */
  readonly on?: readonly Space[];
  /** Other names for the same op (`absolute`). */
  readonly aliases?: readonly string[];
  /** In place it reads its arguments while it writes: they must not share memory with what is written. */
  readonly apart?: boolean;
  /**
   * Which dtypes `out` may have: `"cast"` (the default) those that the result can be cast to within its kind,
   * `"exact"` the result's only, `"asked"` any: it stands for the argument `dtype` where that is not given.
   */
  readonly outDtype?: OutDtype;
  /**
   * There is an in-place form `name_` too: a method, and a function when the op is one. `"view"`: it does not write but
   * makes the tensor the view of itself that the op gives.
   */
  readonly inplace?: boolean | "view";
  /** What the call does, given the bound arguments in signature order. */
  readonly call: (...args: Bound<S>) => Returns<S>;
}

/** One op: what the public name needs, and the call that makes it out of primitives or other ops. */
export interface OpRecord {
  readonly name: string;
  readonly overloads: readonly {
    readonly signature: Signature;
    readonly call: (...args: never[]) => unknown;
  }[];
  readonly doc: string;
  readonly on: readonly Space[];
  readonly aliases: readonly string[];
  readonly inplace: boolean | "view";
  readonly apart: boolean;
  readonly hasOut: boolean;
  /** What the public function does: binds, calls, writes `out`. */
  readonly invoke: (...args: unknown[]) => unknown;
}

/** An op as other library code calls it, by the calling rule. */
export type OpFunction<S extends string> = S extends string
  ? ((...args: CallArgs<S>) => Returns<S>) & { readonly record: OpRecord }
  : never;

/**
 * Declares an op with one signature, or, with `overloads`, several: the first that the arguments fit is taken.
 * Signatures ending in `, *, Tensor? out=None` get `out` handled here: `call` is not given it.
 */
export function op<const S extends string>(options: OpOptions<S>): OpFunction<S>;
export function op<const S extends string, const T extends string>(
  options: OpOptions<S>,
  second: Pick<OpOptions<T>, "signature" | "call">,
): OpFunction<S> & OpFunction<T>;
export function op<const S extends string, const T extends string, const U extends string>(
  options: OpOptions<S>,
  second: Pick<OpOptions<T>, "signature" | "call">,
  third: Pick<OpOptions<U>, "signature" | "call">,
): OpFunction<S> & OpFunction<T> & OpFunction<U>;
export function op<
  const S extends string,
  const T extends string,
  const U extends string,
  const V extends string,
>(
  options: OpOptions<S>,
  second: Pick<OpOptions<T>, "signature" | "call">,
  third: Pick<OpOptions<U>, "signature" | "call">,
  fourth: Pick<OpOptions<V>, "signature" | "call">,
): OpFunction<S> & OpFunction<T> & OpFunction<U> & OpFunction<V>;
export function op(
  first: OpOptions<string>,
  ...more: Pick<OpOptions<string>, "signature" | "call">[]
): unknown {
  const overloads = [first, ...more].map((o) => ({
    signature: parseSignature(o.signature),
    call: o.call as unknown as (...args: unknown[]) => unknown,
  }));
  const signatures = overloads.map((o) => o.signature);
  const main = signatures[0]!;
  const rule = first.outDtype ?? "cast";
  const step = stepOf(main.name, first.on?.[0] === "F");
  const takesQuantized = signatures.some(({ parameters: [p] }) => p?.type === "qtensor" || p?.type === "any");
  const deviceAt = signatures.map((s) => s.parameters.findIndex((p) => p.type === "device"));
  const outAt = signatures.map((s) => s.parameters.findIndex((p) => p.name === "out"));
  const invoke = (...args: unknown[]): unknown => {
    if (holdsQuantized(args) && !takesQuantized) return callQuantized(main.name, invoke, args);
    const outer = enterCall(args);
    try {
      const { overload, values } = bind(signatures, args);
      const device = (values[deviceAt[overload]!] ?? null) as DeviceLike | null;
      callIsOn(device === null ? values : placed(device));
      const at = outAt[overload]!;
      const out = at >= 0 ? (values[at] ?? null) : null;
      if (out instanceof Tensor && rule === "asked") askDtype(signatures[overload]!, values, out);
      if (at >= 0) values.splice(at, 1);
      const since = lastStep();
      const computed = overloads[overload]!.call(...values);
      if (step !== undefined && lastStep() > since) nameSteps(step, values, computed, since);
      const result = out === null ? computed : writeOut(main.name, computed, out, rule);
      reportResult(outer, result);
      return result;
    } catch (error) {
      noteFailure(error, () => ({ kind: "op", name: main.name, signatures, args }));
      throw error;
    } finally {
      leaveCall(outer);
    }
  };
  const record: OpRecord = {
    name: main.name,
    overloads,
    doc: first.doc,
    on: first.on ?? (main.parameters[0]?.type.startsWith("Tensor") ? ["torch", "Tensor"] : ["torch"]),
    aliases: first.aliases ?? [],
    inplace: first.inplace ?? false,
    apart: first.apart ?? false,
    hasOut: outAt.some((i) => i >= 0),
    invoke,
  };
  return Object.assign(invoke, { record });
}

/** Puts the dtype of `out` in the place of `dtype`. */
function askDtype({ name, parameters }: Signature, values: unknown[], out: Tensor): void {
  const at = parameters.findIndex((p) => p.name === "dtype");
  const given = values[at] as DType | null;
  if (given && given !== out.dtype) {
    throw new RuntimeError(
      `${name}(): dtype ${String(given)} does not match dtype of out parameter (${String(out.dtype)})`,
    );
  }
  values[at] = out.dtype;
}

/** The in-place form of an op: computes, then writes over the first argument. */
export function invokeInPlace(record: OpRecord, self: Tensor, args: readonly unknown[]): Tensor {
  const outer = enterCall([self, ...args]);
  try {
    if (record.inplace === "view") {
      return inPlaceView(`${record.name}_`, self, (old) => record.invoke(old, ...args) as Tensor);
    }
    for (const arg of args) if (arg instanceof Tensor) checkNoPartialOverlap(self, arg, record.apart);
    return inPlace(`${record.name}_`, self, (old) => record.invoke(old, ...args) as Tensor);
  } catch (error) {
    const signatures = record.overloads.map(({ signature }) => signature);
    noteFailure(error, () => ({ kind: "op", name: record.name, signatures, args: [self, ...args] }));
    throw error;
  } finally {
    leaveCall(outer);
  }
}
