import { nn, type Tensor } from "tensorscope";

/**
 * Two hidden layers over the pixels of a picture.
 * @input x float32[N, 1, 28, 28]
 */
export class MLP extends nn.Module {
  layers: nn.Sequential;

  constructor({ hidden = 128, classes = 10 } = {}) {
    super();
    this.layers = new nn.Sequential(
      new nn.Flatten(),
      new nn.Linear(28 * 28, hidden),
      new nn.ReLU(),
      new nn.Dropout(0.1),
      new nn.Linear(hidden, hidden),
      new nn.ReLU(),
      new nn.Linear(hidden, classes),
    );
  }

  forward(x: Tensor): Tensor {
    return this.layers(x) as Tensor;
  }
}
