import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexError, nn, optim, RuntimeError, torch, type Tensor } from "../../../runtime/index.js";

/** Shapes fail at the call; values fail when the plan runs, and are told as if the call had thrown. */

const here = /errors\.test\.[tj]s:\d+/;

/** An index out of range that no one can know before the run. */
function computedIndex(by: number): Tensor {
  return torch.tensor([4]).add(by);
}

function lookUp(x: Tensor, by: number): Tensor {
  return x.at(computedIndex(by));
}

function thrown(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  return assert.fail("nothing was thrown");
}

test("a wrong shape is thrown at the call, with the caller's line in the stack", () => {
  function multiply(): Tensor {
    return torch.ones(2, 3).matmul(torch.ones(2, 3));
  }
  const error = thrown(multiply);
  assert.ok(error instanceof RuntimeError);
  assert.match(error.message, /2.*3/);
  assert.match(error.stack!, /multiply.*errors\.test\.[tj]s:\d+/);
});

test("a wrong shape inside a module shows the user's forward", () => {
  class Model extends nn.Module {
    fc = new nn.Linear(4, 2);
    forward(x: Tensor): Tensor {
      return this.fc(x.reshape(2, 8));
    }
  }
  const error = thrown(() => new Model()(torch.ones(16)));
  assert.match(error.stack!, /forward.*errors\.test\.[tj]s:\d+/);
});

test("a bad value surfaces at the read, with the stack of the call that recorded it", () => {
  const bad = lookUp(torch.arange(5), 5);
  const error = thrown(() => bad.tolist());
  assert.ok(error instanceof IndexError);
  assert.match(error.message, /index 9 is out of bounds/);
  const [, first] = error.stack!.split("\n");
  assert.match(first!, /lookUp/);
  assert.match(first!, here);
  // It stays what it is.
  assert.throws(() => bad.tolist(), IndexError);
  assert.throws(() => bad.add(1).tolist(), IndexError);
});

test("it is told once at the next read, and what does not depend on it is computed then", () => {
  const good = torch.ones(3).add(1);
  lookUp(torch.arange(5), 6);
  assert.throws(() => good.tolist(), IndexError);
  assert.deepEqual(good.tolist(), [2, 2, 2]);
});

test("a failed step changes no state, and training goes on", () => {
  const p = new nn.Parameter(torch.ones(4));
  const statistics = torch.zeros(1);
  statistics._storage.markState();
  const optimizer = new optim.SGD([p], 0.5, { momentum: 0.9 });
  const step = (by: number): void => {
    optimizer.zeroGrad();
    const index = torch.arange(4).add(by);
    p.at(index).sum().backward();
    torch.noGrad(() => statistics.add_(1));
    optimizer.step();
  };
  step(0);
  assert.deepEqual(p.tolist(), [0.5, 0.5, 0.5, 0.5]);
  step(1);
  const error = thrown(() => p.tolist());
  assert.ok(error instanceof IndexError, String(error));
  assert.match(error.stack!, /step.*errors\.test/);
  assert.deepEqual(p.tolist(), [0.5, 0.5, 0.5, 0.5]);
  assert.deepEqual(statistics.tolist(), [1]);
  step(0);
  // v = 0.9 · 1 + 1
  assert.deepEqual(
    (p.tolist() as number[]).map((v) => Math.round(v * 1e6) / 1e6),
    [-0.45, -0.45, -0.45, -0.45],
  );
});

test("in a loop that never reads, a failure stops the loop at one of the next steps", () => {
  const p = new nn.Parameter(torch.ones(4));
  const optimizer = new optim.SGD([p], 0.5);
  let steps = 0;
  const error = thrown(() => {
    for (; steps < 50; steps++) {
      optimizer.zeroGrad();
      p.at(torch.arange(4).add(steps === 3 ? 7 : 0))
        .sum()
        .backward();
      optimizer.step();
    }
  });
  assert.ok(error instanceof IndexError);
  assert.ok(steps >= 3 && steps < 20, `${steps}`);
  // Three steps were taken, and none after the one that failed whose results it needed.
  assert.deepEqual(p.tolist(), [-0.5, -0.5, -0.5, -0.5]);
});
