import { data, datasets, nn, optim, progress, report, torch, transforms, type Tensor } from "tensorscope";
import { Autoencoder } from "./autoencoder.js";

/** Squared error per pixel of pictures drawn again, and of the mean picture in their place: what a constant reaches. */
function errors(model: Autoencoder, pictures: Tensor): { error: number; variance: number } {
  return torch.noGrad(() => ({
    error: model(pictures).sub(pictures).pow(2).mean().item(),
    variance: pictures
      .sub(pictures.mean(0, { keepdim: true }))
      .pow(2)
      .mean()
      .item(),
  }));
}

/**
 * Trains an autoencoder on drawn digits: through 16 numbers it keeps three quarters of what distinguishes pictures it
 * has never seen.
 * @train autoencoder on digits
 */
export function trainAutoencoder({ epochs = 6, seed = 0, trainSize = 10_000, testSize = 1_000 } = {}): {
  model: Autoencoder;
  /** The share of the pixels' variance that is lost. */
  lost: number;
} {
  torch.manualSeed(seed);
  const transform = new transforms.ToTensor();
  const digits = new datasets.Digits({ train: true, size: trainSize, transform });
  const unseen = new datasets.Digits({ train: false, size: testSize, transform });
  const loader = new data.DataLoader(digits, { batchSize: 64, shuffle: true });
  const pictures = torch.stack(Array.from({ length: testSize }, (_, i) => unseen.at(i)[0]));

  const model = new Autoencoder();
  const criterion = new nn.BCELoss();
  const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
  let lost = 1;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (const [batch] of progress(loader, { desc: `epoch ${epoch}/${epochs}` })) {
      optimizer.zeroGrad();
      const loss = criterion(model(batch), batch);
      loss.backward();
      optimizer.step();
      report("loss", loss);
    }
    const { error, variance } = errors(model, pictures);
    lost = error / variance;
    report("lost", lost, epoch * loader.length);
  }
  console.log(`Autoencoder: ${(100 * (1 - lost)).toFixed(1)} % of the variance of unseen digits kept`);
  return { model, lost };
}

if (import.meta.main) trainAutoencoder();
