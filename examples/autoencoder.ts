import { nn, type Tensor } from "tensorscope";

/**
 * Squeezes a picture through a few numbers and draws it again from them.
 * @input x float32[N, 1, 28, 28]
 */
export class Autoencoder extends nn.Module {
  encoder: nn.Sequential;
  decoder: nn.Sequential;

  constructor({ code = 16, hidden = 128 } = {}) {
    super();
    this.encoder = new nn.Sequential(
      new nn.Flatten(),
      new nn.Linear(28 * 28, hidden),
      new nn.ReLU(),
      new nn.Linear(hidden, code),
    );
    this.decoder = new nn.Sequential(
      new nn.Linear(code, hidden),
      new nn.ReLU(),
      new nn.Linear(hidden, 28 * 28),
      new nn.Sigmoid(),
      new nn.Unflatten(1, [1, 28, 28]),
    );
  }

  forward(x: Tensor): Tensor {
    const code = this.encoder(x) as Tensor;
    return this.decoder(code) as Tensor;
  }
}
