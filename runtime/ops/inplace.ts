import { isGradEnabled, isInferenceModeEnabled, withGradMode } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { overlaps } from "../tensor/strides.js";
import { Tensor } from "../tensor/tensor.js";
import { typeTitle } from "../tensor/typenames.js";
import { OpGradNode, sameShape } from "./apply.js";
import type { OpPrimitive, OutDtype } from "./record.js";
import { named } from "./results.js";

/** Casts for in-place writes; set by the conversions. */
let convert: (t: Tensor, like: Tensor) => Tensor;
/** Result with the history of a write over `self`; set by `copy_`. */
let overwrite: (self: Tensor, source: Tensor) => Tensor;
export function setInPlaceHelpers(convertTo: typeof convert, overwriteWith: typeof overwrite): void {
  convert = convertTo;
  overwrite = overwriteWith;
}

/** Refuses what PyTorch refuses before an in-place write to `self`. */
function checkWritable(name: string, self: Tensor): void {
  if (isGradEnabled()) {
    if (self.isLeaf && self.requiresGrad) {
      throw new RuntimeError(
        `a leaf Variable that requires grad is being used in an in-place operation. (${name})`,
      );
    }
    const base = self._base;
    if (base && base.isLeaf && base.requiresGrad) {
      throw new RuntimeError(
        `a view of a leaf Variable that requires grad is being used in an in-place operation. (${name})`,
      );
    }
  }
  if (self._storage.inference && !isInferenceModeEnabled()) {
    throw new RuntimeError(
      `Inplace update to inference tensor outside InferenceMode is not allowed (${name}). You can make a clone to get ` +
        "a normal tensor before doing inplace update.",
    );
  }
  if (overlaps(self._shape, self._strides)) {
    throw new RuntimeError(
      "unsupported operation: more than one element of the written-to tensor refers to a single memory location. " +
        "Please clone() the tensor before performing the operation.",
    );
  }
}

const viewMessages = {
  multiple: (self) =>
    `Output ${String(self._outputIndex)} of ${self.gradFn?.name() ?? "a view operation"} is a view and is being modified ` +
    "inplace. This view is the output of a function that returns multiple views. Such functions do not allow the output " +
    "views to be modified inplace. You should replace the inplace operation by an out-of-place one.",
  custom: (self) =>
    `Output ${String(self._outputIndex)} of ${self.gradFn?.name() ?? "a Function"} is a view and is being modified inplace. ` +
    "This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to " +
    "handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect " +
    "gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function.",
  noGrad: () => untracked("no_grad mode", "with grad mode enabled", "noGrad"),
  inference: () => untracked("inference mode", "in normal mode", "inferenceMode"),
} satisfies Record<NonNullable<Tensor["_viewKind"]>, (self: Tensor) => string>;

function untracked(mode: string, now: string, block: string): string {
  return (
    `A view was created in ${mode} and is being modified inplace ${now}. Given that this use case is ambiguous and ` +
    "error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside " +
    `the ${block} block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).`
  );
}

/** Refuses writes that are recorded to views whose history cannot follow. */
function checkView(self: Tensor, result: Tensor): void {
  const kind = self._viewKind;
  if (!kind || !isGradEnabled()) return;
  if (!self.requiresGrad && !result.requiresGrad && !self._base?.requiresGrad) return;
  throw new RuntimeError(viewMessages[kind](self));
}

/**
 * Writes the result of `compute` over `self`: the storage gets a new value and version, and where gradients are
 * recorded the history of `self`, or of the tensor it is a view of, goes on from the result.
 */
export function inPlace(name: string, self: Tensor, compute: () => Tensor): Tensor {
  checkWritable(name, self);
  let result = compute();
  if (!sameShape(result._shape, self._shape)) {
    throw new RuntimeError(
      `output with shape [${self._shape.join(", ")}] doesn't match the broadcast shape [${result._shape.join(", ")}]`,
    );
  }
  if (result.dtype !== self.dtype) {
    if (result.dtype.category > self.dtype.category) {
      throw new RuntimeError(
        `result type ${titled(result)} can't be cast to the desired output type ${titled(self)}`,
      );
    }
    result = convert(result, self);
  }
  checkView(self, result);
  if (!result.requiresGrad && self.requiresGrad && isGradEnabled()) result = overwrite(self, result);
  writeTo(self, result);
  return self;
}

/** A dtype as PyTorch's messages spell it: `Float`, `Long`. */
export function titled(t: Tensor): string {
  return typeTitle(t.dtype);
}

/** Puts `result`, of `self`'s shape and dtype, in the place of `self`'s contents. */
export function writeTo(self: Tensor, result: Tensor): void {
  const storage = self._storage;
  const base = self._base;
  const differentiable = isGradEnabled() && (result.requiresGrad || (base ?? self).requiresGrad);
  if (self._chain.length === 0) {
    storage.write(result._value, !self._untracked);
    if (differentiable && result.requiresGrad) {
      const node = result.gradFn;
      const whole = base ?? self;
      whole._setHistory(node, result._outputIndex);
      if (node instanceof OpGradNode) node.adopt(result._outputIndex, whole);
      if (base) self._baseEpoch = -1;
    }
    return;
  }
  // The whole that the view is a part of: with its history when gradients flow, else just its value.
  const whole =
    differentiable && base ? new Tensor(storage.value) : withGradMode(false, () => new Tensor(storage.value));
  if (differentiable && base) {
    const edge = base._edge;
    if (edge) whole._setHistory(edge.node, edge.index);
  }
  const written = withGradMode(differentiable, () => scatterChain(self, whole, result));
  storage.write(written._value, !self._untracked);
  if (differentiable && base && written.requiresGrad) {
    base._setHistory(written.gradFn, written._outputIndex);
    self._baseEpoch = -1;
  }
}

/** `whole` with the part that `view` shows replaced by `value`. */
function scatterChain(view: Tensor, whole: Tensor, value: Tensor): Tensor {
  const partials = [whole];
  const chain = view._chain;
  for (const step of chain.slice(0, -1)) {
    const p = partials.at(-1)!;
    partials.push(viewOnce(step.op as OpPrimitive, p, step.attrs as never));
  }
  let written = value;
  for (let i = chain.length - 1; i >= 0; i--) {
    const step = chain[i]!;
    const op = step.op as OpPrimitive;
    if (!op.viewScatter) throw new RuntimeError(`${op.name}: a view of this kind cannot be written in place`);
    written = op.viewScatter(partials[i]!, written, step.attrs);
  }
  return written;
}

let viewOnce: (op: OpPrimitive, t: Tensor, attrs: never) => Tensor;
export function setViewOnce(f: typeof viewOnce): void {
  viewOnce = f;
}

/** `out=`: resizes and overwrites the given tensor, or tensors, with the results. */
export function writeOut(name: string, result: unknown, out: unknown, rule: OutDtype = "cast"): unknown {
  if (out instanceof Tensor) {
    if (!(result instanceof Tensor))
      throw new RuntimeError(`${name}(): out must be a list, one tensor per result`);
    if (isGradEnabled() && (out.requiresGrad || result.requiresGrad)) {
      throw new RuntimeError(
        `${name}(): functions with out: ... arguments don't support automatic differentiation, but one of the ` +
          "arguments requires grad.",
      );
    }
    checkOutDtype(name, result, out, rule);
    const value = result.dtype === out.dtype ? result : convert(result, out);
    if (sameShape(out._shape, value._shape)) writeTo(out, value);
    else out._become(value._fresh());
    return out;
  }
  const results = [...(result as Iterable<Tensor>)];
  const outs = out as readonly Tensor[];
  if (outs.length !== results.length) {
    throw new RuntimeError(
      `${name}(): expected ${String(results.length)} out tensors, got ${String(outs.length)}`,
    );
  }
  results.forEach((r, i) => {
    checkOutDtype(name, r, outs[i]!, rule);
  });
  results.forEach((r, i) => writeOut(name, r, outs[i]!, rule));
  if (Array.isArray(result)) return outs;
  return named(Object.fromEntries(Object.keys(result as object).map((key, i) => [key, outs[i]!])));
}

function checkOutDtype(name: string, result: Tensor, out: Tensor, rule: OutDtype): void {
  if (result.dtype === out.dtype) return;
  if (rule === "exact") {
    throw new RuntimeError(
      `${name}(): Expected out tensor to have dtype ${titled(result)}, but got ${titled(out)} instead`,
    );
  }
  if (result.dtype.category > out.dtype.category) {
    throw new RuntimeError(
      `result type ${titled(result)} can't be cast to the desired output type ${titled(out)}`,
    );
  }
}
