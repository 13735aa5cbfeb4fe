/** What `Tensor` has of autograd. */
import { RuntimeError } from "../errors.js";
import { Tensor, VersionCounter } from "../tensor/tensor.js";
import { backward, type BackwardOptions } from "./backward.js";
import type { GradHook, RemovableHandle } from "./node.js";

interface GradientOption {
  /** The gradient to begin with, of this tensor's shape; may be left out for scalars. */
  readonly gradient?: Tensor | null | undefined;
}

export interface TensorAutograd {
  /**
   * Adds the gradients of this tensor with respect to the leaves to their `grad`.
   * @throws RuntimeError when it does not require grad, or is no scalar and `gradient` is not given.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.backward.html
   */
  backward(options?: BackwardOptions & GradientOption): void;
  backward(gradient: Tensor | null, options?: BackwardOptions): void;
  /**
   * Calls `hook(grad)` when the gradient of this tensor is known; a tensor it returns takes its place.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html
   */
  registerHook(hook: GradHook): RemovableHandle;
  /**
   * Makes backward fill `grad` though this tensor is not a leaf.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.retain_grad.html
   */
  retainGrad(): void;
  /** Whether `retainGrad` was called on this tensor and had an effect. */
  readonly retainsGrad: boolean;
  /** Whether this tensor was made in inference mode. */
  isInference(): boolean;
  /** Which output of `gradFn` this tensor is. */
  readonly outputNr: number;
  /**
   * Takes this tensor out of the graph, in place: it is a leaf from here on.
   * @throws RuntimeError for views.
   */
  detach_(): this;
  /** The same memory without history; writes through it are not noticed by autograd. */
  data: Tensor;
}

const methods = {
  backward(
    this: Tensor,
    first?: Tensor | null | (BackwardOptions & GradientOption),
    second?: BackwardOptions,
  ) {
    if (first instanceof Tensor || !first) backward(this, first ?? null, second);
    else backward(this, first.gradient ?? null, first);
  },
  registerHook(this: Tensor, hook: GradHook): RemovableHandle {
    const edge = this._edge;
    if (!edge) throw new RuntimeError("cannot register a hook on a tensor that doesn't require gradient");
    return edge.node.addTensorHook(edge.index, hook);
  },
  retainGrad(this: Tensor): void {
    const edge = this._edge;
    if (!edge) throw new RuntimeError("can't retain_grad on Tensor that has requiresGrad=false");
    if (!this.gradFn) return;
    const { node, index } = edge;
    (node.retaining ??= new Map<number, Tensor>()).set(index, this);
  },
  isInference(this: Tensor): boolean {
    return this._storage.inference;
  },
  detach_(this: Tensor): Tensor {
    if (this._view) {
      throw new RuntimeError(
        "Can't detach views in-place. Use detach() instead: the view shares the history of its base.",
      );
    }
    this._setHistory(null, 0);
    this._leafRequiresGrad = false;
    return this;
  },
};

const getters = {
  retainsGrad(this: Tensor): boolean {
    return this.gradFn?.retaining?.get(this._outputIndex) === this;
  },
  outputNr(this: Tensor): number {
    return this.gradFn ? this._outputIndex : 0;
  },
};

Object.defineProperty(Tensor.prototype, "data", {
  configurable: true,
  get(this: Tensor): Tensor {
    const result = this._alias();
    result._versions = new VersionCounter();
    return result;
  },
  set(this: Tensor, source: Tensor) {
    if (!(source instanceof Tensor)) throw new TypeError("data must be a Tensor");
    if (this.requiresGrad && !source.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `data set to a tensor that requires gradients must be floating point, not ${String(source.dtype)}`,
      );
    }
    const isState = this._storage.isState;
    this._become(source.data);
    if (isState) this._storage.markState();
  },
});

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, { value, configurable: true, writable: true });
}
for (const [name, get] of Object.entries(getters)) {
  Object.defineProperty(Tensor.prototype, name, { get, configurable: true });
}

declare module "../tensor/tensor.js" {
  interface Tensor extends TensorAutograd {}
}
