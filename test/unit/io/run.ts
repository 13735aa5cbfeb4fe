import { data, F, nn, optim, torch, type Tensor } from "../../../runtime/index.js";

/** A run with everything that has a state: dropout, running statistics, momentum, a schedule, shuffling. */
export function startRun(
  seed: number,
  loaderOptions: Readonly<Record<string, unknown>> = {},
): {
  parts: {
    model: nn.Sequential;
    optimizer: optim.AdamW;
    scheduler: optim.lrScheduler.OneCycleLR;
    loader: data.DataLoader<Tensor[], Tensor[]>;
  };
  epoch: (steps: number) => Generator<number>;
} {
  torch.manualSeed(1234);
  const set = new data.TensorDataset(torch.randn(40, 6), torch.randint(3, [40]));
  torch.manualSeed(seed);
  const model = new nn.Sequential(
    new nn.Linear(6, 8),
    new nn.BatchNorm1d(8),
    new nn.Dropout(0.4),
    new nn.Linear(8, 3),
  );
  const optimizer = new optim.AdamW(model.parameters(), 0.01);
  const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, 0.05, { totalSteps: 40 });
  const loader = new data.DataLoader(set, {
    batchSize: 6,
    shuffle: true,
    ...loaderOptions,
  }) as unknown as data.DataLoader<Tensor[], Tensor[]>;
  function* epoch(steps: number): Generator<number> {
    for (const [x, y] of loader) {
      if (steps-- === 0) return;
      optimizer.zeroGrad();
      const loss = F.crossEntropy(model(x!) as Tensor, y!);
      loss.backward();
      optimizer.step();
      scheduler.step();
      yield loss.item();
    }
  }
  return { parts: { model, optimizer, scheduler, loader }, epoch };
}
