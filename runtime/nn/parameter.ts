import { Tensor } from "../tensor/tensor.js";

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
