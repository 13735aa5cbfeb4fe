/** A small training loop in a process of its own: `node loops.js STEPS sync|await READ_EVERY` prints what it saw. */
import { F, nn, optim, planStats, torch, type Tensor } from "../../../runtime/index.js";

const [steps, mode, readEvery] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
/** Until then caches fill and the heap finds its size. */
const WARM = 2000;

torch.manualSeed(0);
const model = new nn.Sequential(
  new nn.Linear(8, 16),
  new nn.ReLU(),
  new nn.Dropout(0.1),
  new nn.Linear(16, 4),
);
const optimizer = new optim.Adam(model.parameters(), 0.01);
const samples: number[] = [];
let warm = planStats();
for (let i = 1; i <= steps; i++) {
  optimizer.zeroGrad();
  const loss = F.crossEntropy(model(torch.randn(32, 8)) as Tensor, torch.randint(0, 4, [32]));
  loss.backward();
  optimizer.step();
  if (readEvery > 0 && i % readEvery === 0) loss.item();
  if (mode === "await") await new Promise((resolve) => void setImmediate(resolve));
  if (i === WARM) warm = planStats();
  if (i >= WARM && i % 50 === 0) {
    const { rss, external } = process.memoryUsage();
    samples.push(rss + external);
  }
}
const { compiled, plans } = planStats();
console.log(JSON.stringify({ samples, compiled: compiled - warm.compiled, plans: plans - warm.plans }));
