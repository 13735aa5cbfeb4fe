import { nn, type Tensor } from "tensorscope";

/** First values as the paper has them. https://arxiv.org/abs/1511.06434 */
function initialise(module: nn.Module): void {
  if (module instanceof nn.Conv2d || module instanceof nn.ConvTranspose2d) {
    nn.init.normal_(module.weight, 0, 0.02);
  } else if (module instanceof nn.BatchNorm2d) {
    nn.init.normal_(module.weight!, 1, 0.02);
    nn.init.zeros_(module.bias!);
  }
}

/**
 * Draws pictures from noise.
 * @input noise float32[N, 32, 1, 1]
 */
export class Generator extends nn.Module {
  layers: nn.Sequential;

  constructor({ noise = 32, channels = 32 } = {}) {
    super();
    this.layers = new nn.Sequential(
      new nn.ConvTranspose2d(noise, 2 * channels, 7, { bias: false }),
      new nn.BatchNorm2d(2 * channels),
      new nn.ReLU(),
      new nn.ConvTranspose2d(2 * channels, channels, 4, { stride: 2, padding: 1, bias: false }),
      new nn.BatchNorm2d(channels),
      new nn.ReLU(),
      new nn.ConvTranspose2d(channels, 1, 4, { stride: 2, padding: 1, bias: false }),
      new nn.Tanh(),
    );
    this.apply(initialise);
  }

  forward(noise: Tensor): Tensor {
    return this.layers(noise) as Tensor;
  }
}

/**
 * Scores pictures: above 0 it takes them for real.
 * @input pictures float32[N, 1, 28, 28]
 */
export class Discriminator extends nn.Module {
  layers: nn.Sequential;

  constructor({ channels = 32 } = {}) {
    super();
    this.layers = new nn.Sequential(
      new nn.Conv2d(1, channels, 4, { stride: 2, padding: 1, bias: false }),
      new nn.LeakyReLU(0.2),
      new nn.Conv2d(channels, 2 * channels, 4, { stride: 2, padding: 1, bias: false }),
      new nn.BatchNorm2d(2 * channels),
      new nn.LeakyReLU(0.2),
      new nn.Conv2d(2 * channels, 1, 7, { bias: false }),
      new nn.Flatten(0),
    );
    this.apply(initialise);
  }

  forward(pictures: Tensor): Tensor {
    return this.layers(pictures) as Tensor;
  }
}
