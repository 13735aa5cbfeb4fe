import { isGradEnabled, isInferenceModeEnabled, withGradMode } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { differentDevices } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import { isDense, overlaps } from "../tensor/strides.js";
import { Tensor, type Layout, type ViewMeta, type ViewOrigin, type ViewStep } from "../tensor/tensor.js";
import { typeTitle } from "../tensor/typenames.js";
import { OpGradNode, sameShape } from "./apply.js";
import { isOfThisCall } from "./depth.js";
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

/** What PyTorch says to a write through a view that must not be written while gradients are recorded. */
export function refusedView(view: Tensor, origin: ViewOrigin, indirect: boolean): RuntimeError {
  const how = indirect
    ? "and its base or another view of its base has been modified inplace"
    : "and is being modified inplace";
  if (origin === "noGrad" || origin === "inference") {
    const [mode, now] =
      origin === "noGrad" ? ["no_grad", "with grad mode enabled"] : ["inference", "in normal mode"];
    return new RuntimeError(
      `A view was created in ${mode} mode ${how} ${now}. Given that this use case is ambiguous and error-prone, it is ` +
        `forbidden. You can clarify your code by moving both the view and the inplace either both inside the ${origin === "noGrad" ? "noGrad" : "inferenceMode"} ` +
        "block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).",
    );
  }
  const why =
    origin === "several"
      ? "This view is the output of a function that returns multiple views. Such functions do not allow the output views " +
        "to be modified inplace. You should replace the inplace operation by an out-of-place one."
      : "This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to " +
        "handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect " +
        "gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function.";
  const maker = view._gradFn?.name() ?? "a view operation";
  return new RuntimeError(`Output ${String(view._outputIndex)} of ${maker} is a view ${how}. ${why}`);
}

/** Refuses writes of which backward could not know. */
export function checkHistory(name: string, self: Tensor): void {
  const view = self._view;
  if (view) {
    if (view.origin) throw refusedView(self, view.origin, false);
    if (self.requiresGrad && view.base.isLeaf) {
      throw new RuntimeError(
        `a view of a leaf Variable that requires grad is being used in an in-place operation. (${name})`,
      );
    }
  }
  // A view that has not been looked at since its base got a history is a leaf still, as in PyTorch.
  if (self.requiresGrad && self._gradFn === null) {
    throw new RuntimeError(
      `a leaf Variable that requires grad is being used in an in-place operation. (${name})`,
    );
  }
}

function checkInference(name: string, self: Tensor): void {
  if (!self._storage.inference || isInferenceModeEnabled()) return;
  throw new RuntimeError(
    `Inplace update to inference tensor outside InferenceMode is not allowed (${name}). You can make a clone to get ` +
      "a normal tensor before doing inplace update.",
  );
}

/** @throws RuntimeError when several elements of `self` are one place in memory. */
export function checkNoOverlap(self: Tensor): void {
  if (!overlaps(self._shape, self._strides)) return;
  throw new RuntimeError(
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. " +
      `Please clone() the tensor before performing the operation. Its shape is [${self._shape.join(", ")}], its strides [${self._strides.join(", ")}].`,
  );
}

/**
 * Refuses to read from memory that is being written, unless element by element the same: results would depend on the
 * order; `apart`: also where they are the same. As in PyTorch, only tensors without gaps are looked at.
 */
export function checkNoPartialOverlap(self: Tensor, input: Tensor, apart = false): void {
  if (self._storage !== input._storage) return;
  if (self === input) {
    if (apart) throw sharedPlaces();
    return;
  }
  const n = self.numel();
  const m = input.numel();
  if (n === 0 || m === 0) return;
  if (!isDense(self._shape, self._strides) || !isDense(input._shape, input._strides)) return;
  const same = self._offset === input._offset && n === m;
  if (same && !apart && sameShape(self._strides, input._strides)) return;
  if (same || (self._offset < input._offset + m && input._offset < self._offset + n)) {
    throw sharedPlaces();
  }
}

const sharedPlaces = (): RuntimeError =>
  new RuntimeError(
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory " +
      "location. Please clone() the tensor before performing the operation.",
  );

/** `self` as it is before it is written: what an in-place operation computes from and keeps for backward. */
function before(self: Tensor): Tensor {
  if (!isGradEnabled()) return self;
  const shadow = new Tensor(self._value, undefined, [], { strides: self._strides, offset: 0 });
  const edge = self._edge;
  if (edge) shadow._setHistory(edge.node, edge.index);
  return shadow;
}

/**
 * Writes the result of `compute`, which is given `self` as it was, over `self`: the storage gets a new value and
 * version, and where gradients are recorded the history of `self`, or of the tensor it is a view of, goes on from the
 * result. Where one value goes everywhere (`uniform`), elements may be one place in memory.
 */
export function inPlace(
  name: string,
  self: Tensor,
  compute: (self: Tensor) => Tensor,
  uniform = false,
): Tensor {
  checkInference(name, self);
  if (isGradEnabled() && self.requiresGrad) checkHistory(name, self);
  if (!uniform) checkNoOverlap(self);
  let result = compute(before(self));
  if (!sameShape(result._shape, self._shape)) {
    throw new RuntimeError(
      `output with shape [${self._shape.join(", ")}] doesn't match the broadcast shape [${result._shape.join(", ")}]`,
    );
  }
  if (result.device !== self.device) throw differentDevices(self.device, result.device, name);
  if (result.dtype !== self.dtype) {
    checkCast(result, self);
    result = convert(result, self);
  }
  if (isGradEnabled()) {
    if (result.requiresGrad && !self.requiresGrad) checkHistory(name, self);
    else if (self.requiresGrad && !result.requiresGrad) result = overwrite(before(self), result);
  }
  writeTo(self, result);
  // What was made for this write has no other owner: once superseded, its memory may be written over.
  const storage = self._storage;
  if (storage.isState && result._storage !== storage && storage.value === result._value) {
    if (isOfThisCall(result._value)) result._storage.giveUp();
  }
  return self;
}

/** @throws RuntimeError when a result's dtype is of a higher kind than that of the tensor it is to be written to. */
function checkCast(result: Tensor, to: Tensor): void {
  if (result.dtype.category <= to.dtype.category) return;
  throw new RuntimeError(
    `result type ${titled(result)} can't be cast to the desired output type ${titled(to)}`,
  );
}

/**
 * Makes `self` the view of itself that `look` gives (`t_`, `squeeze_`): its memory and its base stay, its history goes
 * on.
 */
export function inPlaceView(name: string, self: Tensor, look: (self: Tensor) => Tensor): Tensor {
  checkInference(name, self);
  if (isGradEnabled() && self.requiresGrad) checkHistory(name, self);
  const wasView = self._view;
  const next = look(self);
  const view = wasView && next._view ? { ...next._view, origin: wasView.origin } : null;
  const gradFn = next._gradFn;
  if (next !== self) self._become(next);
  self._view = view;
  self._versions.value++;
  if (gradFn) self._setHistory(gradFn, next._outputIndex);
  return self;
}

/** A dtype as PyTorch's messages spell it: `Float`, `Long`. */
export function titled(t: { readonly dtype: DType }): string {
  return typeTitle(t.dtype);
}

/** Puts `result`, of `self`'s shape and dtype, in the place of `self`'s contents. */
export function writeTo(self: Tensor, result: Tensor): void {
  if (!isGradEnabled() || !(result.requiresGrad || self.requiresGrad)) {
    store(self, result);
    self._versions.value++;
    return;
  }
  const view = self._view;
  if (!view) {
    store(self, result);
    self._versions.value++;
    if (result.gradFn) self._setHistory(result.gradFn, result._outputIndex);
    adopt(result, self);
    return;
  }
  // The base's history goes on with the part that the view shows replaced; the view derives its own from that.
  const { base } = view;
  const whole = before(base);
  const steps = stepsFromBase(self, view);
  const written = withGradMode(true, () => scatter(steps, whole, result));
  if (base._chain.length === 0) base._storage.write(written._value);
  else store(self, result);
  self._versions.value++;
  if (written._gradFn instanceof OpGradNode) written._gradFn.title = "CopySlices";
  if (written.gradFn) base._setHistory(written.gradFn, written._outputIndex);
  // No leaf any more; its own history is derived when it is asked for.
  self._gradFn ??= written._gradFn;
  adopt(result, self);
}

/** Tells the step that made `result` that it stands in `self` now. */
function adopt(result: Tensor, self: Tensor): void {
  if (result._gradFn instanceof OpGradNode) result._gradFn.adopt(result, self);
}

/** Gives the storage a new value with `self`'s part replaced. */
function store(self: Tensor, result: Tensor): void {
  const storage = self._storage;
  if (self._chain.length === 0) {
    storage.write(result._value);
    return;
  }
  const whole = new Tensor(storage.value);
  const steps = writable(self._chain)
    ? self._chain
    : [geometryStep({ strides: storage.strides, offset: 0 }, self)];
  storage.write(withGradMode(false, () => scatter(steps, whole, result))._value);
}

const writable = (steps: readonly ViewStep[]): boolean =>
  steps.every(({ op, attrs }) => {
    const { viewScatter, viewRepeats } = op as OpPrimitive;
    return viewScatter !== undefined && !viewRepeats?.(attrs);
  });

/** The steps from the base, as it is now, to the view: one by strides where there are no others. */
export function stepsFromBase(view: Tensor, { base, baseChain, steps }: ViewMeta): readonly ViewStep[] {
  if (base._chain === baseChain && writable(steps)) return steps;
  return [geometryStep({ strides: base._strides, offset: base._offset }, view)];
}

/** The step from memory of some layout to what a view shows of it; set by the strided views. */
let geometryStep: (from: Layout, view: Tensor) => ViewStep;
export function setGeometryStep(f: typeof geometryStep): void {
  geometryStep = f;
}

/** `whole` with the part that the steps lead to replaced by `value`. */
function scatter(steps: readonly ViewStep[], whole: Tensor, value: Tensor): Tensor {
  const partials = [whole];
  for (const step of steps.slice(0, -1)) {
    partials.push(viewOnce(step.op as OpPrimitive, partials.at(-1)!, step.attrs as never));
  }
  let written = value;
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!;
    written = (step.op as OpPrimitive).viewScatter!(partials[i]!, written, step.attrs);
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
    if (result.device !== out.device) throw differentDevices(result.device, out.device, name);
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
    // Where there are several, some are indices, which are not converted.
    checkOutDtype(name, r, outs[i]!, r.dtype.isFloatingPoint ? rule : "exact");
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
  checkCast(result, out);
}
