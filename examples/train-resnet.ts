import { rmSync } from "node:fs";
import { data, datasets, nn, optim, progress, report, torch, transforms } from "tensorscope";
import { drawCIFAR } from "./draw-cifar.js";
import { accuracy, percent } from "./evaluate.js";
import { ResNet18 } from "./resnet.js";

export interface ResNetTraining {
  /** A folder with `cifar-10-batches-bin` in it. Without one, coloured digits are drawn in that format. */
  readonly root?: string;
  readonly epochs?: number;
  readonly width?: number;
  readonly batchSize?: number;
  readonly seed?: number;
  /** How many pictures to draw. */
  readonly trainSize?: number;
  readonly testSize?: number;
}

/**
 * Trains ResNet-18 on a folder of CIFAR-10's format: 90 % of the drawn pictures it has never seen, after two passes.
 * @train ResNet-18 on a CIFAR folder
 */
export function trainResNet({
  root,
  epochs = 2,
  width = 32,
  batchSize = 16,
  seed = 0,
  trainSize = 1_000,
  testSize = 200,
}: ResNetTraining = {}): { model: ResNet18; accuracy: number } {
  torch.manualSeed(seed);
  const folder = root ?? drawCIFAR({ trainSize, testSize });
  const normalize = new transforms.Normalize([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.201]);
  const toTensor = new transforms.Compose([new transforms.ToTensor(), normalize]);
  const augment = new transforms.Compose([new transforms.RandomCrop(32, { padding: 2 }), toTensor]);
  const known = new datasets.CIFAR10(folder, { train: true, transform: augment });
  const unseen = new datasets.CIFAR10(folder, { train: false, transform: toTensor });
  if (root === undefined) rmSync(folder, { recursive: true });
  const loader = new data.DataLoader(known, { batchSize, shuffle: true, dropLast: true });
  const testLoader = new data.DataLoader(unseen, { batchSize: 50 });

  const model = new ResNet18({ classes: known.classes.length, width });
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3, weightDecay: 5e-4 });
  const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, epochs * loader.length);
  let share = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (const [pictures, labels] of progress(loader, { desc: `epoch ${epoch}/${epochs}` })) {
      optimizer.zeroGrad();
      const loss = criterion(model(pictures), labels);
      loss.backward();
      optimizer.step();
      scheduler.step();
      report("loss", loss);
    }
    share = accuracy(model, testLoader);
    report("accuracy/test", share, epoch * loader.length);
  }
  console.log(`ResNet-18: ${percent(share)} of ${unseen.length} unseen pictures`);
  return { model, accuracy: share };
}

if (import.meta.main) trainResNet(process.argv[2] === undefined ? {} : { root: process.argv[2] });
