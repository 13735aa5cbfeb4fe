import { data, datasets, nn, optim, progress, report, torch, transforms, type Tensor } from "tensorscope";
import { Discriminator, Generator } from "./dcgan.js";

/** Rows of characters, the darker the more ink: a picture for the terminal. */
function sketch(picture: Tensor): string {
  const ramp = " .:-=+*#%@";
  const rows = picture.clamp(-1, 1).add(1).mul(4.999).tolist() as number[][];
  return rows.map((row) => row.map((ink) => ramp[Math.floor(ink)]).join("")).join("\n");
}

/** How much ink there is in the middle of the pictures and at their edge, from 0 to 1, and how much pictures differ. */
function looks(pictures: Tensor): { ink: number; edge: number; spread: number } {
  const grey = pictures.add(1).div(2);
  return {
    ink: grey.mean().item(),
    edge: grey.at("...", torch.slice(0, 2)).mean().item(),
    spread: grey.std(0).mean().item(),
  };
}

/**
 * Trains a DCGAN on drawn digits until its pictures have as much ink as real ones, in the same places, and differ as
 * much among themselves.
 * @train DCGAN on digits
 */
export function trainDCGAN({ epochs = 3, seed = 0, trainSize = 6_000, noise = 32, channels = 32 } = {}): {
  generator: Generator;
  real: ReturnType<typeof looks>;
  drawn: ReturnType<typeof looks>;
} {
  torch.manualSeed(seed);
  const transform = new transforms.Compose([
    new transforms.ToTensor(),
    new transforms.Normalize([0.5], [0.5]),
  ]);
  const digits = new datasets.Digits({ train: true, size: trainSize, transform });
  const loader = new data.DataLoader(digits, { batchSize: 64, shuffle: true, dropLast: true });

  const generator = new Generator({ noise, channels });
  const discriminator = new Discriminator({ channels });
  const criterion = new nn.BCEWithLogitsLoss();
  const adam = (model: nn.Module): optim.Adam =>
    new optim.Adam(model.parameters(), { lr: 1e-3, betas: [0.5, 0.999] });
  const forGenerator = adam(generator);
  const forDiscriminator = adam(discriminator);
  const fixed = torch.randn(128, noise, 1, 1);

  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (const [real] of progress(loader, { desc: `epoch ${epoch}/${epochs}` })) {
      const n = real.size(0);
      const drawn = generator(torch.randn(n, noise, 1, 1));

      forDiscriminator.zeroGrad();
      const lossD = criterion(discriminator(real), torch.full([n], 0.9)).add(
        criterion(discriminator(drawn.detach()), torch.zeros(n)),
      );
      lossD.backward();
      forDiscriminator.step();

      forGenerator.zeroGrad();
      const lossG = criterion(discriminator(drawn), torch.ones(n));
      lossG.backward();
      forGenerator.step();

      report("loss/discriminator", lossD);
      report("loss/generator", lossG);
    }
  }
  const pictures = torch.noGrad(() => generator(fixed));
  const drawn = looks(pictures);
  const real = looks(torch.stack(Array.from({ length: 500 }, (_, i) => digits.at(i)[0])));
  console.log(sketch(pictures.at(0, 0)));
  const figures = ({ ink, edge, spread }: typeof real): string =>
    `ink ${ink.toFixed(3)}, at the edge ${edge.toFixed(3)}, spread ${spread.toFixed(3)}`;
  console.log(`DCGAN: ${figures(drawn)}; real digits: ${figures(real)}`);
  return { generator, real, drawn };
}

if (import.meta.main) trainDCGAN();
