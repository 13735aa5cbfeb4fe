/**
 * Training steps beside PyTorch's: the same model, batch and optimizer, alternately (ours, theirs, ours …), medians.
 * PyTorch is measured with its threads spinning and not spinning, and the faster counts.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { F, nn, optim, torch, type Tensor } from "../runtime/index.js";
import { findOracle } from "../test/unit/random/oracle.js";

const ROUNDS = 9;
/** How long one measurement lasts, in milliseconds. */
const STRETCH = 400;

interface Setting {
  readonly model: "mlp" | "lenet";
  readonly optimizer: "sgd" | "adam";
}

function build({ model, optimizer }: Setting): () => Tensor {
  torch.manualSeed(0);
  const mlp = model === "mlp";
  const net = mlp
    ? new nn.Sequential(
        new nn.Linear(784, 512),
        new nn.ReLU(),
        new nn.Linear(512, 512),
        new nn.ReLU(),
        new nn.Linear(512, 10),
      )
    : new nn.Sequential(
        new nn.Conv2d(1, 6, 5, { padding: 2 }),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Conv2d(6, 16, 5),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(400, 120),
        new nn.ReLU(),
        new nn.Linear(120, 84),
        new nn.ReLU(),
        new nn.Linear(84, 10),
      );
  const x = mlp ? torch.randn(128, 784) : torch.randn(64, 1, 28, 28);
  const y = torch.randint(0, 10, [mlp ? 128 : 64]);
  const step =
    optimizer === "sgd" ? new optim.SGD(net.parameters(), 0.01) : new optim.Adam(net.parameters(), 0.001);
  return () => {
    step.zeroGrad();
    const loss = F.crossEntropy(net(x) as Tensor, y);
    loss.backward();
    step.step();
    return loss;
  };
}

/** Milliseconds per step over `count` steps, until the last loss is there. */
function ours(step: () => Tensor, count: number): number {
  const start = performance.now();
  let loss: Tensor | undefined;
  for (let i = 0; i < count; i++) loss = step();
  loss!.item();
  return (performance.now() - start) / count;
}

/** A PyTorch process that measures on demand. */
class Theirs {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(python: string, env: Readonly<Record<string, string>>) {
    this.#process = spawn(python, ["bench/training.py"], { env: { ...process.env, ...env } });
    this.#process.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async measure({ model, optimizer }: Setting, count: number): Promise<number> {
    this.#process.stdin.write(`${model} ${optimizer} ${String(count)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("PyTorch's process ended");
    return Number(value);
  }

  close(): void {
    this.#process.stdin.end();
  }
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

const python = findOracle();
const theirs = python ? [new Theirs(python, {}), new Theirs(python, { GOMP_SPINCOUNT: "0" })] : [];
if (!python) console.log("There is no PyTorch 1.13 here to compare with (set TENSORSCOPE_PYTHON).");

const settings: readonly Setting[] = [
  { model: "mlp", optimizer: "sgd" },
  { model: "mlp", optimizer: "adam" },
  { model: "lenet", optimizer: "sgd" },
  { model: "lenet", optimizer: "adam" },
];
console.log(
  "step                        ours ms   PyTorch ms   ratio of medians (paired, lowest to highest)",
);
for (const setting of settings) {
  const step = build(setting);
  const pace = ours(step, 20) && ours(step, 20);
  const count = Math.max(5, Math.round(STRETCH / pace));
  for (const t of theirs) await t.measure(setting, 20);
  const mine: number[] = [];
  const other: number[][] = theirs.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    mine.push(ours(step, count));
    for (const [i, t] of theirs.entries()) other[i]!.push(await t.measure(setting, count));
  }
  const batch = setting.model === "mlp" ? "128" : "64";
  const name = `${setting.model}, batch ${batch}, ${setting.optimizer}`.padEnd(26);
  const best = other.sort((a, b) => median(a) - median(b))[0];
  if (!best) {
    console.log(`${name} ${median(mine).toFixed(2).padStart(8)}`);
    continue;
  }
  const ratios = mine.map((m, i) => m / best[i]!).sort((a, b) => a - b);
  console.log(
    `${name} ${median(mine).toFixed(2).padStart(8)} ${median(best).toFixed(2).padStart(12)}   ` +
      `${(median(mine) / median(best)).toFixed(2)} (${median(ratios).toFixed(2)}, ${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)})`,
  );
}
for (const t of theirs) t.close();
