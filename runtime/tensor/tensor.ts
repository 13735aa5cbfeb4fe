import { AccumulateGrad } from "../autograd/accumulate.js";
import { isInferenceModeEnabled } from "../autograd/mode.js";
import type { Edge, GradNode } from "../autograd/node.js";
import { RuntimeError } from "../errors.js";
import type { Primitive } from "../graph/primitive.js";
import { record } from "../graph/record.js";
import type { Overwrite } from "../graph/state.js";
import { numel, type Attrs, type Value } from "../graph/value.js";
import type { DType } from "./dtype.js";
import type { Device } from "./device.js";
import { hasFormat, MemoryFormat } from "./memoryFormat.js";
import { contiguousStrides, isContiguous } from "./strides.js";

/**
 * The memory a tensor and its views share. Values never change; an in-place write gives the storage a new value and
 * version, and views derive theirs again from it.
 */
export class Storage {
  #value: Value;
  /** Counts writes: views derive their values again when it has changed. */
  version = 0;
  /** Where the value's elements lie in memory: there are no gaps, but the axes may be in another order than C's. */
  readonly strides: readonly number[];
  /** Made in inference mode: never written outside it. */
  readonly inference = isInferenceModeEnabled();
  /** Parameters, buffers, gradients, optimizer state: written by the step's plan, resident between steps. */
  isState = false;

  /** @internal The executor's note of what the next flush has to compute. */
  overwrite: Overwrite | null = null;

  constructor(value: Value, strides: readonly number[] = contiguousStrides(value.shape)) {
    this.#value = value;
    value.holders++;
    this.strides = strides;
  }

  get value(): Value {
    return this.#value;
  }

  /** Puts a new value in, superseding the old one. */
  write(value: Value): void {
    const old = this.#value;
    this.#put(value);
    if (this.isState) onStateWrite?.(this, old);
  }

  /** @internal Back to an earlier value, because what computes the present one failed. */
  revert(value: Value): void {
    this.#put(value);
  }

  #put(value: Value): void {
    this.#value.holders--;
    value.holders++;
    if (this.isState) {
      this.#value.states--;
      value.states++;
    }
    this.#value = value;
    this.version++;
  }

  /** @internal Its value went over to another storage, and nobody has this one. */
  giveUp(): void {
    this.#value.holders--;
  }

  markState(): void {
    if (this.isState) return;
    this.isState = true;
    this.#value.states++;
    onStateWrite?.(this, undefined);
  }
}

/** The executor listens: a state storage with a new pending value is what the next flush must compute. */
let onStateWrite: ((storage: Storage, old: Value | undefined) => void) | undefined;
export function setStateHook(hook: (storage: Storage, old: Value | undefined) => void): void {
  onStateWrite = hook;
}

/** One step from a tensor to a view of it. */
export interface ViewStep {
  readonly op: Primitive;
  readonly attrs: Attrs;
}

/** Counts the in-place writes that a tensor and its views see. `x.data` shares memory and has a count of its own. */
export class VersionCounter {
  value = 0;
}

/**
 * How a view was made, when that forbids to write through it while gradients are recorded: as one of several, by a
 * custom function, while nothing was recorded.
 */
export type ViewOrigin = "several" | "custom" | "noGrad" | "inference";

/** What a view knows of the tensor it is a view of. */
export interface ViewMeta {
  /** The tensor whose history in-place writes to the view extend. It is no view itself. */
  readonly base: Tensor;
  /** Steps from the base to the view. */
  readonly steps: readonly ViewStep[];
  /** The base's own chain when the view was made: `t_` and the like on the base change it. */
  readonly baseChain: readonly ViewStep[];
  readonly origin: ViewOrigin | null;
}

/** Derives the history of a view anew after its base was written in place; set by the view ops. */
let rederive: ((view: Tensor, meta: ViewMeta) => void) | undefined;
export function setRederive(hook: (view: Tensor, meta: ViewMeta) => void): void {
  rederive = hook;
}

export interface Layout {
  readonly strides: readonly number[];
  readonly offset: number;
}

/**
 * A multi-dimensional array of one dtype: PyTorch's `torch.Tensor`. Its shape and dtype are known at once; its values
 * are computed when something asks for them.
 * @see https://pytorch.org/docs/stable/tensors.html
 */
export class Tensor {
  /** @internal */ _storage: Storage;
  /** @internal Steps from the storage's value to this tensor's. */ _chain: readonly ViewStep[];
  /** @internal Set for views. */ _view: ViewMeta | null = null;
  /** @internal */ _versions = new VersionCounter();
  /** @internal */ _shape: readonly number[];
  /** @internal */ _dtype: DType;
  /** @internal */ _strides: readonly number[];
  /** @internal */ _offset: number;
  /** @internal */ _leafRequiresGrad = false;
  /** @internal */ _gradFn: GradNode | null = null;
  /** @internal */ _outputIndex = 0;
  /** @internal */ _grad: Tensor | null = null;
  /** @internal The version a view's history was derived at. */ _historyVersion = 0;
  /**
   * @internal For gradients of `embedding` with `sparse: true`: which rows took part, bool `[rows]`. The gradient itself
   * is dense, with zeros in the others.
   */
  _touchedRows: Tensor | null = null;
  #accumulate: AccumulateGrad | null = null;
  #cached: Value;
  #cachedVersion: number;

  /** @internal Use `torch.tensor` and the other factories. */
  constructor(value: Value, storage?: Storage, chain: readonly ViewStep[] = [], layout?: Layout) {
    this._storage = storage ?? new Storage(value, layout?.strides);
    this._chain = chain;
    this._shape = value.shape;
    this._dtype = value.dtype;
    this._strides = layout?.strides ?? contiguousStrides(value.shape);
    this._offset = layout?.offset ?? 0;
    this.#cached = value;
    this.#cachedVersion = this._storage.version;
  }

  /** @internal The immutable value this tensor stands for now. */
  get _value(): Value {
    const storage = this._storage;
    if (this._chain.length === 0) return storage.value;
    if (this.#cachedVersion !== storage.version) {
      let value = storage.value;
      for (const step of this._chain) value = record(step.op, [value], step.attrs)[0]!;
      this.#cached = value;
      this.#cachedVersion = storage.version;
    }
    return this.#cached;
  }

  /** Sizes of the axes. */
  get shape(): number[] {
    return [...this._shape];
  }

  get dtype(): DType {
    return this._dtype;
  }

  get device(): Device {
    return this._storage.value.device;
  }

  /** Number of axes. */
  get ndim(): number {
    return this._shape.length;
  }

  /** `Tensor.is_leaf`: made by the user rather than by a recorded operation. */
  get isLeaf(): boolean {
    return this.gradFn === null;
  }

  /** The backward step that made this tensor; `null` for leaves. */
  get gradFn(): GradNode | null {
    const view = this._view;
    if (
      view &&
      this._historyVersion !== this._versions.value &&
      (this._gradFn !== null || view.base.requiresGrad)
    )
      rederive?.(this, view);
    return this._gradFn;
  }

  /**
   * Whether operations on this tensor are recorded for `backward`.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.requires_grad.html
   */
  get requiresGrad(): boolean {
    return (
      this._leafRequiresGrad ||
      this._gradFn !== null ||
      // A view made while nothing was recorded, or before its base was asked to require grad.
      (this._view !== null && this.dtype.isFloatingPoint && this._view.base.requiresGrad)
    );
  }

  set requiresGrad(on: boolean) {
    this.requiresGrad_(on);
  }

  /**
   * Starts or stops recording operations on this tensor.
   * @throws RuntimeError for tensors that are not leaves, or not of floating dtype.
   */
  requiresGrad_(requiresGrad = true): this {
    if (this.gradFn && !requiresGrad) {
      throw new RuntimeError(
        "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a " +
          "subgraph that doesn't require differentiation use varNoGrad = variable.detach().",
      );
    }
    if (requiresGrad && !this.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `only Tensors of floating point dtype can require gradients; this one is ${String(this.dtype)}`,
      );
    }
    if (requiresGrad && this._storage.inference && !isInferenceModeEnabled()) {
      throw new RuntimeError(
        "Setting requiresGrad=true on inference tensor outside InferenceMode is not allowed.",
      );
    }
    if (!this.gradFn) this._leafRequiresGrad = requiresGrad;
    return this;
  }

  /**
   * The gradient that `backward` accumulated, or `null`.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.grad.html
   */
  get grad(): Tensor | null {
    return this._grad;
  }

  set grad(grad: Tensor | null) {
    if (grad !== null) {
      if (!(grad instanceof Tensor)) throw new TypeError("grad must be a Tensor or null");
      if (grad._shape.length !== this._shape.length || grad._shape.some((d, i) => d !== this._shape[i])) {
        throw new RuntimeError(
          `assigned grad has data of a different size: [${grad._shape.join(", ")}] for a tensor of [${this._shape.join(", ")}]`,
        );
      }
      if (grad.dtype !== this.dtype) {
        throw new RuntimeError(
          `assigned grad has data of a different type: ${String(grad.dtype)} for ${String(this.dtype)}`,
        );
      }
      if (grad.device !== this.device) {
        throw new RuntimeError(
          `assigned grad has data located on a different device: ${String(grad.device)} for ${String(this.device)}`,
        );
      }
    }
    this._grad = grad;
  }

  /** Counts in-place writes to this tensor and what it shares memory with. */
  get _version(): number {
    if (this._storage.inference) throw new RuntimeError("Inference tensors do not track version counter.");
    return this._versions.value;
  }

  /** The tensor this one is a view of, or `null`. */
  get _base(): Tensor | null {
    return this._view?.base ?? null;
  }

  /** @internal */
  _isView(): boolean {
    return this._view !== null;
  }

  /** @internal Where the gradient of this tensor goes, or `null` when none is wanted. */
  get _edge(): Edge | null {
    const gradFn = this.gradFn;
    if (gradFn) return { node: gradFn, index: this._outputIndex };
    // A view made while nothing was recorded may ask for a gradient and still lead nowhere, as in PyTorch.
    if (!this._leafRequiresGrad) return null;
    return { node: this._accumulator, index: 0 };
  }

  /** @internal */
  get _accumulator(): AccumulateGrad {
    return (this.#accumulate ??= new AccumulateGrad(this));
  }

  /** @internal The same memory and versions in a tensor that is no view and has no history. */
  _alias(): Tensor {
    const layout = { strides: this._strides, offset: this._offset };
    const result = new Tensor(this._value, this._storage, this._chain, layout);
    result._versions = this._versions;
    return result;
  }

  /** @internal A tensor of its own with the same values now: no shared storage, no history, no copy. */
  _fresh(): Tensor {
    return new Tensor(this._value);
  }

  /** @internal Makes `gradFn`'s output `index` this tensor's history. */
  _setHistory(gradFn: GradNode | null, index: number): void {
    // A gradient that is kept is that of the values as they are now.
    const kept = this._gradFn?.retaining;
    if (kept?.get(this._outputIndex) === this) {
      kept.delete(this._outputIndex);
      if (gradFn) (gradFn.retaining ??= new Map<number, Tensor>()).set(index, this);
    }
    this._gradFn = gradFn;
    this._outputIndex = index;
    this._historyVersion = this._versions.value;
  }

  /** @internal Makes this tensor share the memory and layout of another; its history stays (`set_`, `squeeze_`, `data =`). */
  _become(other: Tensor): void {
    this._storage = other._storage;
    this._chain = other._chain;
    this._view = null;
    this._shape = other._shape;
    this._dtype = other._dtype;
    this._strides = other._strides;
    this._offset = other._offset;
    this.#cached = other._value;
    this.#cachedVersion = other._storage.version;
  }

  /**
   * Whether the elements lie in memory in C order, or as a memory format says.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.is_contiguous.html
   */
  isContiguous(format?: MemoryFormat | { readonly memoryFormat?: MemoryFormat }): boolean {
    const wanted = format instanceof MemoryFormat ? format : format?.memoryFormat;
    return wanted ? hasFormat(wanted, this._shape, this._strides) : isContiguous(this._shape, this._strides);
  }

  /** Steps in elements from one index to the next along every axis, or along `dim`. */
  stride(): number[];
  stride(dim: number): number;
  stride(dim?: number): number | number[] {
    return dim === undefined ? [...this._strides] : this._strides[dim < 0 ? dim + this.ndim : dim]!;
  }

  /** Where this tensor starts in its storage, in elements. */
  storageOffset(): number {
    return this._offset;
  }

  /** Number of elements. */
  numel(): number {
    return numel(this._shape);
  }

  /** Number of axes. */
  dim(): number {
    return this._shape.length;
  }

  /** Tensors are compared with `eq` or `equal`; as a number a tensor is not what `a + b` would want. */
  [Symbol.toPrimitive](hint: string): string | number {
    if (hint === "string") return this.toString();
    throw new TypeError(
      "Operators do not work on tensors. Use the methods: a.add(b), a.sub(b), a.mul(b), a.div(b), a.lt(b); " +
        "or a.item() for the number in a tensor of one element.",
    );
  }
}

// The methods of the op records and of `tensor/reading.ts` are added to this interface where they are defined.
