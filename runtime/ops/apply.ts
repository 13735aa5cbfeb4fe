import { isAnomalyEnabled, noteCreation } from "../autograd/anomaly.js";
import { isGradEnabled } from "../autograd/mode.js";
import { GradNode, type Edge } from "../autograd/node.js";
import { freed, modified } from "../autograd/saved.js";
import { record } from "../graph/record.js";
import type { Attrs, Meta, Value } from "../graph/value.js";
import { cpu, differentDevices, type Device } from "../tensor/device.js";
import { isPlain, resultStrides } from "../tensor/strides.js";
import { Tensor, type Layout } from "../tensor/tensor.js";
import { deviceOfCall, onDevice } from "./depth.js";
import type { GradContext, OpPrimitive } from "./record.js";
import type { StepName } from "./steps.js";

/** Sums a gradient back to the shape its input had before broadcasting; set by the reductions. */
let sumToShape: (grad: Tensor, shape: readonly number[]) => Tensor;
export function setSumToShape(f: typeof sumToShape): void {
  sumToShape = f;
}

/** @internal Sums a gradient over the axes its input was broadcast along. */
export function sumTo(grad: Tensor, shape: readonly number[]): Tensor {
  return sameShape(grad._shape, shape) ? grad : sumToShape(grad, shape);
}

/** What a step knows of its inputs when it has let go of them. */
interface InputMeta extends Meta {
  readonly device: Device;
}

/** Converts a gradient to the dtype of its input and brings it there; set by the conversions. */
let castGrad: (grad: Tensor, like: InputMeta) => Tensor;
export function setCastGrad(f: typeof castGrad): void {
  castGrad = f;
}

/** What backward through one recorded operation needs. */
export class OpGradNode extends GradNode implements GradContext {
  readonly attrs: Attrs;
  readonly #op: OpPrimitive;
  /** The name of the op the user called, where that is not the primitive's. */
  title: string | undefined;
  #inputs: readonly Tensor[] | null;
  readonly #inputMetas: readonly InputMeta[];
  readonly #device: Device;
  readonly #asks: boolean;
  #inputVersions: readonly number[];
  #results: readonly Tensor[] | null = null;
  #resultVersions: readonly number[] = [];
  #resultMetas: readonly Meta[] = [];
  /** Computes anew what a checkpoint did not keep. */
  #recompute: (() => void) | undefined;
  #held: Value[] = [];

  constructor(
    op: OpPrimitive,
    inputs: readonly Tensor[],
    attrs: Attrs,
    next: (Edge | null)[],
    outputs: number,
  ) {
    super(next, outputs);
    this.#op = op;
    this.attrs = attrs;
    this.#inputs = inputs;
    this.#inputMetas = inputs.map((t) =>
      t._storage.value === t._value ? t._value : { shape: t._shape, dtype: t.dtype, device: t.device },
    );
    this.#device = sharedDevice(op.name, inputs);
    this.#inputVersions = inputs.map((t) => t._versions.value);
    this.#asks = inputs.length === 1 && inputs[0]!.requiresGrad;
    this.#hold(inputs);
  }

  name(): string {
    const { gradName, name } = this.#op;
    const given = this.title ?? (typeof gradName === "function" ? gradName(this.attrs) : gradName);
    return (
      given ?? `${name.replace(/(?:^|_|(?<=\d))([a-z0-9])/g, (_, c: string) => c.toUpperCase())}Backward0`
    );
  }

  setResults(results: readonly Tensor[]): void {
    this.#results = results;
    this.#resultVersions = results.map((t) => t._versions.value);
    this.#resultMetas = results.map((t) => ({ shape: t._shape, dtype: t.dtype }));
    this.#hold(results);
  }

  /** What is saved may be computed later than the plan around it: its inputs have to outlive that. */
  #hold(tensors: readonly Tensor[]): void {
    for (const t of tensors) {
      const value = t._value;
      value.saved++;
      this.#held.push(value);
    }
  }

  /** `result` was written over `self`, which stands for it from now on: later writes to it are noticed. */
  adopt(result: Tensor, self: Tensor): void {
    const i = this.#results?.indexOf(result) ?? -1;
    if (i < 0) return;
    this.#results = this.#results!.with(i, self);
    this.#resultVersions = this.#resultVersions.with(i, self._versions.value);
  }

  /** Whether it is a step of this primitive. */
  is<A extends Attrs>(op: OpPrimitive<A>): boolean {
    return this.#op === (op as unknown);
  }

  /** Forgets what is saved: `recompute` gives it back by `takeFrom`. */
  defer(recompute: () => void): void {
    this.release();
    this.#recompute = recompute;
  }

  /** Takes what a node of the same call, made again, has saved. */
  takeFrom(again: OpGradNode): void {
    // Released in the meantime: nobody will ask.
    if (!this.#recompute) return;
    this.#recompute = undefined;
    this.#inputs = again.#inputs;
    this.#inputVersions = again.#inputVersions;
    this.#results = again.#results;
    this.#resultVersions = again.#resultVersions;
    this.#held = again.#held;
    again.#held = [];
  }

  get inputs(): number {
    return this.#inputMetas.length;
  }

  input(i: number): Tensor {
    this.#recompute?.();
    return saved(this.#inputs, this.#inputVersions, i);
  }

  output(i = 0): Tensor {
    this.#recompute?.();
    return saved(this.#results, this.#resultVersions, i, this);
  }

  inputMeta(i: number): Meta {
    return this.#inputMetas[i]!;
  }

  override outputMeta(i = 0): Meta {
    return this.#resultMetas[i]!;
  }

  needs(i: number): boolean {
    return this.next[i] !== null && this.next[i] !== undefined;
  }

  apply(grads: readonly (Tensor | null)[]): readonly (Tensor | null | undefined)[] {
    const rule = this.#op.grad;
    const first = grads[0];
    if (!rule) return this.next.map(() => null);
    // A rule of a single-output op always gets its gradient; multi-output rules look at `gs`.
    return onDevice(this.#device, () => this.#conformed(rule(this, first as Tensor, grads)));
  }

  #conformed(results: ReturnType<NonNullable<OpPrimitive["grad"]>>): (Tensor | null)[] {
    return this.next.map((edge, i) => {
      const entry = results[i];
      if (!edge) {
        // What leads nowhere is computed by PyTorch all the same, and refused when what is saved for it was written over.
        // With several inputs, what one of them alone needs is not saved.
        if (this.#asks && typeof entry === "function") entry();
        return null;
      }
      let grad = typeof entry === "function" ? entry() : entry;
      if (!grad) return null;
      const meta = this.#inputMetas[i]!;
      if (this.#op.broadcast) grad = sumTo(grad, meta.shape);
      return grad.dtype === meta.dtype && grad.device === meta.device ? grad : castGrad(grad, meta);
    });
  }

  override release(): void {
    this.#inputs = null;
    this.#results = null;
    this.#recompute = undefined;
    for (const value of this.#held) value.saved--;
    this.#held = [];
  }
}

function saved(
  tensors: readonly Tensor[] | null,
  versions: readonly number[],
  i: number,
  maker?: GradNode,
): Tensor {
  if (!tensors) throw freed();
  const t = tensors[i]!;
  if (t._versions.value !== versions[i]) throw modified(t, versions[i]!, maker);
  return t;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Records a primitive over tensors, for backward too where a gradient is wanted. */
export function applyAll<A extends Attrs>(
  op: OpPrimitive<A>,
  inputs: readonly Tensor[],
  attrs: A,
  strides?: readonly number[],
): Tensor[] {
  const device = inputs.length > 0 ? sharedDevice(op.name, inputs) : deviceOfCall();
  const values = record(
    op as unknown as OpPrimitive,
    inputs.map((t) => t._value),
    attrs,
    device,
  );
  const results = values.map(
    (v) =>
      new Tensor(v, undefined, undefined, strides ? { strides, offset: 0 } : layoutOf(op, inputs, v.shape)),
  );
  attachHistory(op as unknown as OpPrimitive, inputs, attrs, results);
  return results;
}

function layoutOf<A extends Attrs>(
  op: OpPrimitive<A>,
  inputs: readonly Tensor[],
  shape: readonly number[],
): Layout | undefined {
  if (!op.layout && (!op.broadcast || inputs.every((t) => isPlain(t._shape, t._strides)))) return undefined;
  const laid = inputs.map((t) => ({ shape: t._shape, strides: t._strides }));
  const strides = op.layout ? op.layout(inputs, shape) : resultStrides(shape, laid);
  return strides && { strides, offset: 0 };
}

/** As `applyAll`, for primitives with one result; `strides` says how it lies in memory, if not as `op` has it. */
export function apply<A extends Attrs>(
  op: OpPrimitive<A>,
  inputs: readonly Tensor[],
  attrs: A,
  strides?: readonly number[],
): Tensor {
  return applyAll(op, inputs, attrs, strides)[0]!;
}

/** @internal Names the steps behind results that were recorded since `since`. */
export function nameSteps(name: StepName, args: readonly unknown[], result: unknown, since: number): void {
  const results = result instanceof Tensor ? [result] : (result as readonly unknown[]);
  for (let i = 0; i < results.length; i++) {
    const t = results[i];
    if (!(t instanceof Tensor)) continue;
    const node = t._gradFn;
    if (!(node instanceof OpGradNode) || node.sequence <= since) continue;
    const title = typeof name === "string" ? name : name(args, t);
    if (title !== undefined) node.title = title;
  }
}

let onNode: ((node: OpGradNode) => void) | undefined;

/** Runs code whose recorded steps are told to `note`: checkpoints. */
export function notingNodes<T>(note: (node: OpGradNode) => void, body: () => T): T {
  const outer = onNode;
  onNode = note;
  try {
    return body();
  } finally {
    onNode = outer;
  }
}

/** @internal Gives results the history of a recorded primitive. */
export function attachHistory(
  op: OpPrimitive,
  inputs: readonly Tensor[],
  attrs: Attrs,
  results: readonly Tensor[],
): void {
  if (!op.grad || !isGradEnabled()) return;
  let wanted = false;
  const next = inputs.map((t) => {
    const edge = t._edge;
    if (edge || t.requiresGrad) wanted = true;
    return edge;
  });
  if (!wanted) return;
  const node = new OpGradNode(op, inputs, attrs, next, results.length);
  node.setResults(results);
  if (isAnomalyEnabled()) noteCreation(node);
  onNode?.(node);
  results.forEach((t, i) => {
    // Index and boolean results of a differentiable op have no gradient.
    if (t.dtype.isFloatingPoint) t._setHistory(node, i);
  });
}

/**
 * The device of the operands; numbers in tensors on the CPU go with any.
 * @throws RuntimeError when they are on several.
 */
function sharedDevice(name: string, inputs: readonly Tensor[]): Device {
  let shared: Device | undefined;
  for (const t of inputs) {
    const { device } = t;
    if (device === shared || (device === cpu && t.ndim === 0)) continue;
    if (shared) throw differentDevices(shared, device, name);
    shared = device;
  }
  return shared ?? cpu;
}
