import { AccumulateGrad } from "../autograd/accumulate.js";
import { isInferenceModeEnabled } from "../autograd/mode.js";
import type { Edge, GradNode } from "../autograd/node.js";
import { RuntimeError } from "../errors.js";
import type { Primitive } from "../graph/primitive.js";
import { record } from "../graph/record.js";
import { numel, type Attrs, type Value } from "../graph/value.js";
import type { DType } from "./dtype.js";
import type { Device } from "./device.js";
import { contiguousStrides, isContiguous } from "./strides.js";

/**
 * The memory a tensor and its views share. Values never change; an in-place write gives the storage a new value and
 * version, and views derive theirs again from it.
 */
export class Storage {
  #value: Value;
  /** In-place writes that backward must notice. */
  version = 0;
  /** All writes. */
  writes = 0;
  /** Made in inference mode: never written outside it. */
  readonly inference = isInferenceModeEnabled();
  /** Parameters, buffers, gradients, optimizer state: written by the step's plan, resident between steps. */
  isState = false;

  constructor(value: Value) {
    this.#value = value;
  }

  get value(): Value {
    return this.#value;
  }

  /** Puts a new value in, superseding the old one; through `data` without telling backward. */
  write(value: Value, tracked = true): void {
    const old = this.#value;
    this.#value = value;
    this.writes++;
    if (tracked) this.version++;
    if (this.isState) onStateWrite?.(this, old);
  }

  markState(): void {
    if (this.isState) return;
    this.isState = true;
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
  /** Shape before the step. */
  readonly from: readonly number[];
}

/** Derives the history of a view anew after its base was written in place; set by the view ops. */
let rederive: ((view: Tensor) => void) | undefined;
export function setRederive(hook: (view: Tensor) => void): void {
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
  /** @internal The tensor whose history in-place writes to this view extend. */ _base: Tensor | null = null;
  /** @internal */ _shape: readonly number[];
  /** @internal */ _strides: readonly number[];
  /** @internal */ _offset: number;
  /** @internal */ _leafRequiresGrad = false;
  /** @internal */ _gradFn: GradNode | null = null;
  /** @internal */ _outputIndex = 0;
  /** @internal */ _grad: Tensor | null = null;
  /** @internal Counts rewrites of this tensor's own history by in-place operations. */ _epoch = 0;
  /** @internal The base's epoch this view's history was derived at. */ _baseEpoch = 0;
  /** @internal Writes go unnoticed by autograd: `data` and its views. */ _untracked = false;
  /** @internal Why a write to this view cannot be recorded. */
  _viewKind: "multiple" | "custom" | "noGrad" | "inference" | undefined;
  /**
   * @internal For gradients of `embedding` with `sparse: true`: which rows took part, bool `[rows]`. The gradient itself
   * is dense, with zeros in the others.
   */
  _touchedRows: Tensor | null = null;
  #accumulate: AccumulateGrad | null = null;
  #cached: Value;
  #cachedWrites: number;

  /** @internal Use `torch.tensor` and the other factories. */
  constructor(value: Value, storage?: Storage, chain: readonly ViewStep[] = [], layout?: Layout) {
    this._storage = storage ?? new Storage(value);
    this._chain = chain;
    this._shape = value.shape;
    this._strides = layout?.strides ?? contiguousStrides(value.shape);
    this._offset = layout?.offset ?? 0;
    this.#cached = value;
    this.#cachedWrites = this._storage.writes;
  }

  /** @internal The immutable value this tensor stands for now. */
  get _value(): Value {
    const storage = this._storage;
    if (this._chain.length === 0) return storage.value;
    if (this.#cachedWrites !== storage.writes) {
      let value = storage.value;
      for (const step of this._chain) value = record(step.op, [value], step.attrs)[0]!;
      this.#cached = value;
      this.#cachedWrites = storage.writes;
    }
    return this.#cached;
  }

  /** Sizes of the axes. */
  get shape(): number[] {
    return [...this._shape];
  }

  get dtype(): DType {
    return this._storage.value.dtype;
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
    if (this._base && this._base._epoch !== this._baseEpoch) rederive?.(this);
    return this._gradFn;
  }

  /**
   * Whether operations on this tensor are recorded for `backward`.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.requires_grad.html
   */
  get requiresGrad(): boolean {
    return this._leafRequiresGrad || this.gradFn !== null;
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
    }
    this._grad = grad;
  }

  /** Counts in-place writes to the memory this tensor shares with its views. */
  get _version(): number {
    if (this._storage.inference) throw new RuntimeError("Inference tensors do not track version counter.");
    return this._storage.version;
  }

  /** @internal Where the gradient of this tensor goes, or `null` when none is wanted. */
  get _edge(): Edge | null {
    const gradFn = this.gradFn;
    if (gradFn) return { node: gradFn, index: this._outputIndex };
    if (!this._leafRequiresGrad) return null;
    return { node: this._accumulator, index: 0 };
  }

  /** @internal */
  get _accumulator(): AccumulateGrad {
    return (this.#accumulate ??= new AccumulateGrad(this));
  }

  /** @internal This tensor as it is now, history included: a write to it does not reach the snapshot. */
  _snapshot(): Tensor {
    const copy = new Tensor(this._value, undefined, undefined, {
      strides: this._strides,
      offset: this._offset,
    });
    copy._gradFn = this.gradFn;
    copy._outputIndex = this._outputIndex;
    return copy;
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
    this._epoch++;
  }

  /** @internal Makes this tensor share the memory, layout and history of another (`set_`, `squeeze_`, `data =`). */
  _become(other: Tensor): void {
    this._storage = other._storage;
    this._chain = other._chain;
    this._base = other._base;
    this._baseEpoch = other._baseEpoch;
    this._shape = other._shape;
    this._strides = other._strides;
    this._offset = other._offset;
    this.#cached = other._value;
    this.#cachedWrites = other._storage.writes;
  }

  /** Whether the elements lie in memory in order. */
  isContiguous(): boolean {
    return isContiguous(this._shape, this._strides);
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
