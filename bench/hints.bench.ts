/**
 * How long hints take after an edit: the tracer is asked for the shapes of a text that has just changed, as the editor
 * asks it, and the answer's hints counted as there when the reply is. Medians and 95th percentiles.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { KernelSupervisor } from "../src/kernel/supervisor.js";

const EDITS = 40;

const resnet50 = `import { torch, nn, F, type Tensor } from "tensorscope";

class Bottleneck extends nn.Module {
  conv1: nn.Conv2d; bn1: nn.BatchNorm2d; conv2: nn.Conv2d; bn2: nn.BatchNorm2d; conv3: nn.Conv2d; bn3: nn.BatchNorm2d;
  down: nn.Sequential | null = null;
  constructor(inPlanes: number, planes: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(inPlanes, planes, 1, { bias: false });
    this.bn1 = new nn.BatchNorm2d(planes);
    this.conv2 = new nn.Conv2d(planes, planes, 3, { stride, padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(planes);
    this.conv3 = new nn.Conv2d(planes, 4 * planes, 1, { bias: false });
    this.bn3 = new nn.BatchNorm2d(4 * planes);
    if (stride !== 1 || inPlanes !== 4 * planes)
      this.down = new nn.Sequential(new nn.Conv2d(inPlanes, 4 * planes, 1, { stride, bias: false }), new nn.BatchNorm2d(4 * planes));
  }
  forward(x: Tensor): Tensor {
    let y = F.relu(this.bn1(this.conv1(x)));
    y = F.relu(this.bn2(this.conv2(y)));
    y = this.bn3(this.conv3(y));
    const skip = this.down === null ? x : (this.down(x) as Tensor);
    return F.relu(y.add(skip));
  }
}
function stage(inPlanes: number, planes: number, blocks: number, stride: number) {
  const list = Array.from({ length: blocks }, (_, i) => new Bottleneck(i === 0 ? inPlanes : 4 * planes, planes, i === 0 ? stride : 1));
  return new nn.Sequential(...list);
}
/** @input x float32[N, 3, 224, 224] */
export class ResNet50 extends nn.Module {
  conv1 = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
  bn1 = new nn.BatchNorm2d(64);
  layer1 = stage(64, 64, 3, 1);
  layer2 = stage(256, 128, 4, 2);
  layer3 = stage(512, 256, 6, 2);
  layer4 = stage(1024, 512, 3, 2);
  fc = new nn.Linear(2048, 1000);
  forward(x: Tensor) {
    x = F.maxPool2d(F.relu(this.bn1(this.conv1(x))), 3, { stride: 2, padding: 1 });
    x = this.layer1(x) as Tensor;
    x = this.layer2(x) as Tensor;
    x = this.layer3(x) as Tensor;
    x = this.layer4(x) as Tensor;
    x = F.adaptiveAvgPool2d(x, 1);
    x = torch.flatten(x, 1);
    return this.fc(x);
  }
}
`;

const gpt = `import { torch, nn, F, type Tensor } from "tensorscope";
const width = 768;
class Block extends nn.Module {
  ln1 = new nn.LayerNorm(width);
  qkv = new nn.Linear(width, 3 * width);
  proj = new nn.Linear(width, width);
  ln2 = new nn.LayerNorm(width);
  up = new nn.Linear(width, 4 * width);
  down = new nn.Linear(4 * width, width);
  forward(x: Tensor): Tensor {
    const [n, t] = x.shape as [number, number];
    const [q, k, v] = this.qkv(this.ln1(x)).chunk(3, -1).map((part) => part.view(n, t, 12, 64).transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const y = F.scaledDotProductAttention(q, k, v, { isCausal: true }).transpose(1, 2).reshape(n, t, width);
    x = x.add(this.proj(y));
    return x.add(this.down(F.gelu(this.up(this.ln2(x)))));
  }
}
/** @input tokens int64[N, 128] in 0..50257 */
export class GPT extends nn.Module {
  tok = new nn.Embedding(50257, width);
  pos = new nn.Embedding(1024, width);
  blocks = new nn.Sequential(...Array.from({ length: 12 }, () => new Block()));
  ln = new nn.LayerNorm(width);
  head = new nn.Linear(width, 50257, { bias: false });
  forward(tokens: Tensor) {
    let x = this.tok(tokens).add(this.pos(torch.arange(tokens.shape[1]!)));
    x = this.blocks(x) as Tensor;
    return this.head(this.ln(x));
  }
}
`;

const models: readonly [name: string, text: string, limit: number][] = [
  ["LeNet", fs.readFileSync("examples/lenet.ts", "utf8"), 150],
  ["ResNet-50", resnet50, 400],
  ["GPT, 12 layers", gpt, 400],
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-bench-"));
const entry = (name: string): string =>
  fileURLToPath(new URL(`../src/kernel/${name}.entry.js`, import.meta.url));
const supervisor = new KernelSupervisor({ entries: { tracer: entry("tracer"), runner: entry("runner") } });
try {
  for (const [name, text, limit] of models) {
    const file = path.join(folder, "model.ts");
    const times: number[] = [];
    let hints = 0;
    for (let i = 0; i < EDITS + 5; i++) {
      const start = performance.now();
      const reply = await supervisor.trace({
        type: "trace",
        file,
        overlay: [{ file, version: i, text: `${text}// ${i}\n` }],
      });
      if (i >= 5) times.push(performance.now() - start);
      const [problem] = reply.diagnostics;
      if (problem !== undefined) throw new Error(`${name}: ${problem.message}`);
      hints = reply.hints.length;
    }
    times.sort((a, b) => a - b);
    const at = (share: number): string => times[Math.floor(share * (times.length - 1))]!.toFixed(0);
    console.log(
      `${name}: ${hints} hints, median ${at(0.5)} ms, p95 ${at(0.95)} ms (wanted: below ${limit} ms)`,
    );
  }
} finally {
  supervisor.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
}
