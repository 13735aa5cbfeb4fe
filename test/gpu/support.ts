import { engine } from "../../runtime/engine/client.js";
import type { EngineStats } from "../../runtime/engine/protocol.js";
import { newRun } from "../../runtime/graph/executor.js";
import { F, nn, torch, type Tensor } from "../../runtime/index.js";

export function engineStats(): EngineStats {
  return engine.stats(newRun());
}

export class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  pool = new nn.MaxPool2d(2);
  fc1 = new nn.Linear(16 * 5 * 5, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  forward(x: Tensor): Tensor {
    x = this.pool(F.relu(this.conv1(x)));
    x = this.pool(F.relu(this.conv2(x)));
    x = torch.flatten(x, 1);
    return this.fc3(F.relu(this.fc2(F.relu(this.fc1(x)))));
  }
}

/** Largest difference between two lists, relative to the largest number of the second. */
export function distance(a: readonly number[], b: readonly number[]): number {
  const scale = Math.max(1e-6, ...b.map(Math.abs));
  return Math.max(...b.map((x, i) => Math.abs(a[i]! - x))) / scale;
}

export function numbers(t: Tensor): number[] {
  return t.detach().cpu().flatten().toArray() as number[];
}
