import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { suite, test } from "node:test";
import { data, torch } from "../../../runtime/index.js";
import { findOracle } from "../random/oracle.js";
import { cases, perform } from "./cases.js";

interface Answers {
  readonly answers: readonly (readonly { readonly indices: unknown; readonly next: number }[])[];
}

function replay({ answers }: Answers): void {
  const all = cases();
  assert.equal(answers.length, all.length, "the golden file is older than the cases: run the oracle again");
  all.forEach(({ seed, actions }, i) => {
    torch.manualSeed(seed);
    actions.forEach((action, j) => {
      const where = `seed ${seed}, ${JSON.stringify(action)}`;
      assert.deepEqual(perform(action), answers[i]![j]!.indices, where);
      assert.equal(
        torch.randint(1 << 30, []).item(),
        answers[i]![j]!.next,
        `${where}: the generator after it`,
      );
    });
  });
}

suite("the order of samples is PyTorch's", () => {
  test("golden values of PyTorch 1.13.1", () => {
    const file = new URL("../../../../test/oracle/golden/data.json", import.meta.url);
    replay(JSON.parse(fs.readFileSync(file, "utf8")) as Answers);
  });

  const python = findOracle();
  test("the PyTorch that is here", { skip: python === undefined && "no PyTorch 1.13" }, () => {
    const { stdout, stderr, status } = spawnSync(python!, ["test/oracle/data.py"], {
      input: JSON.stringify(cases()),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    replay(JSON.parse(stdout) as Answers);
  });
});

test("DistributedSampler takes PyTorch's shares", () => {
  for (const [n, numReplicas, rank, shuffle, dropLast, expected] of [
    [10, 3, 0, true, false, [1, 6, 0, 7]],
    [10, 3, 2, true, false, [9, 5, 8, 4]],
    [10, 3, 1, true, true, [4, 3, 2]],
    [2, 5, 4, false, false, [0]],
    [10, 3, 2, false, false, [2, 5, 8, 1]],
  ] as const) {
    const sampler = new data.DistributedSampler(new Array<number>(n).fill(0), {
      numReplicas,
      rank,
      shuffle,
      dropLast,
      seed: 3,
    });
    sampler.setEpoch(2);
    assert.deepEqual([...sampler], expected);
    assert.equal(sampler.length, expected.length);
  }
  assert.throws(() => new data.DistributedSampler([1], { numReplicas: 2, rank: 2 }), /interval \[0, 1\]/);
});
