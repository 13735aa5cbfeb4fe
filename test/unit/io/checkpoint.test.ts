import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { data, loadCheckpoint, saveCheckpoint, torch, type Tensor } from "../../../runtime/index.js";
import { startRun } from "./run.js";

const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-checkpoint-")), "run.pth");
test.after(() => {
  fs.rmSync(path.dirname(file), { recursive: true });
});

for (const [name, options] of [
  ["the default generator", () => ({})],
  ["a generator of its own", () => ({ generator: new torch.Generator().manualSeed(5) })],
  [
    "samples drawn again and again",
    () => ({
      shuffle: false,
      sampler: new data.RandomSampler(new Array(40), {
        replacement: true,
        generator: new torch.Generator().manualSeed(7),
      }),
    }),
  ],
] as const) {
  test(`a run that stops in the middle of an epoch goes on to the same bits, with ${name}`, () => {
    const whole = startRun(1, options());
    const losses = [...whole.epoch(Infinity), ...whole.epoch(Infinity), ...whole.epoch(Infinity)];

    const before = startRun(1, options());
    const first = [...before.epoch(Infinity)];
    const steps = before.epoch(Infinity);
    for (let i = 0; i < 3; i++) first.push(steps.next().value as number);
    saveCheckpoint(file, before.parts, { epoch: 1 });

    const after = startRun(99, options());
    assert.deepEqual(loadCheckpoint(file, after.parts), { epoch: 1 });
    assert.deepEqual([...first, ...after.epoch(Infinity), ...after.epoch(Infinity)], losses);
  });
}

test("a run goes on in a process of its own", () => {
  const whole = startRun(2);
  const steps = whole.epoch(Infinity);
  for (let i = 0; i < 4; i++) steps.next();
  saveCheckpoint(file, whole.parts);
  const rest = [...steps];
  const script = `
    import { startRun } from ${JSON.stringify(new URL("./run.js", import.meta.url).href)};
    import { loadCheckpoint } from ${JSON.stringify(new URL("../../../runtime/index.js", import.meta.url).href)};
    const { parts, epoch } = startRun(0);
    loadCheckpoint(${JSON.stringify(file)}, parts);
    console.log("losses", JSON.stringify([...epoch(Infinity)]));
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  const line = stdout.split("\n").find((l) => l.startsWith("losses"));
  assert.deepEqual(JSON.parse(line?.slice(7) ?? "null"), rest, stderr);
});

test("streams go on behind the samples that were read", () => {
  class Numbers extends data.IterableDataset<number> {
    override *[Symbol.iterator](): Iterator<number> {
      for (let i = 0; i < 10; i++) yield i;
    }
  }
  const loader = new data.DataLoader(new Numbers(), { batchSize: 3 });
  const pass = loader[Symbol.iterator]();
  pass.next();
  pass.next();
  const again = new data.DataLoader(new Numbers(), { batchSize: 3 });
  again.loadStateDict(loader.stateDict());
  assert.deepEqual(
    [...again].map((x) => (x as unknown as Tensor).tolist()),
    [[6, 7, 8], [9]],
  );
  assert.equal([...again].length, 4);
});

test("what is missing is named, and nothing is changed", () => {
  const { parts } = startRun(3);
  saveCheckpoint(file, { model: parts.model });
  const before = parts.model.stateDict().get("0.weight")!.tolist();
  assert.throws(() => loadCheckpoint(file, parts), {
    name: "KeyError",
    message: /no optimizer_state_dict; it has model_state_dict, rng_state/,
  });
  assert.deepEqual(parts.model.stateDict().get("0.weight")!.tolist(), before);
  assert.throws(() => saveCheckpoint(file, parts, { model_state_dict: 1 }), { name: "KeyError" });
});
