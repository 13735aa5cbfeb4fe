import { RuntimeError } from "../errors.js";
import type { DeviceLike } from "../tensor/device.js";
import { getDefaultDtype, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";

/**
 * A tensor that is a parameter of a module: found on the module's fields, learned by optimizers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, requiresGrad = true) {
    super(data._value);
    this._storage.markState();
    if (requiresGrad) this.requiresGrad_();
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

const unknownShape =
  "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` " +
  "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the parameters " +
  "before accessing their attributes.";

interface UninitializedOptions {
  readonly requiresGrad?: boolean;
  readonly dtype?: DType | null;
  readonly device?: DeviceLike | null;
}

const placeholder = ({ dtype, device }: UninitializedOptions): Tensor =>
  torch.empty([0], { dtype: dtype ?? getDefaultDtype(), device: device ?? null });

/** Gives a tensor without a size its memory, and makes it one of the ordinary kind. */
function materialize(t: Tensor, prototype: object, shape: readonly number[], dtype: DType | null): void {
  const value = torch.empty([...shape], { dtype: dtype ?? t.dtype, device: t.device });
  Object.setPrototypeOf(t, prototype);
  t._become(value);
  t._storage.markState();
}

/**
 * A parameter whose size the first call of its layer decides.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedParameter.html
 */
export class UninitializedParameter extends Parameter {
  constructor({ requiresGrad = true, ...options }: UninitializedOptions = {}) {
    super(placeholder(options), requiresGrad);
  }

  /** @throws RuntimeError: there is none yet. */
  override get shape(): number[] {
    throw new RuntimeError(unknownShape);
  }

  /** Makes it an ordinary parameter of this shape, its values not set. */
  materialize(shape: readonly number[], dtype: DType | null = null): void {
    materialize(this, Parameter.prototype, shape, dtype);
  }

  override toString(): string {
    return "<UninitializedParameter>";
  }
}

/**
 * A buffer whose size the first call of its layer decides.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedBuffer.html
 */
export class UninitializedBuffer extends Tensor {
  constructor(options: UninitializedOptions = {}) {
    super(placeholder(options)._value);
  }

  /** @throws RuntimeError: there is none yet. */
  override get shape(): number[] {
    throw new RuntimeError(unknownShape);
  }

  /** Makes it an ordinary tensor of this shape, its values not set. */
  materialize(shape: readonly number[], dtype: DType | null = null): void {
    materialize(this, Tensor.prototype, shape, dtype);
  }

  override toString(): string {
    return "<UninitializedBuffer>";
  }
}

/** Whether a tensor waits for its size. */
export function isLazy(t: unknown): t is UninitializedParameter | UninitializedBuffer {
  return t instanceof UninitializedParameter || t instanceof UninitializedBuffer;
}
