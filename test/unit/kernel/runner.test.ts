import assert from "node:assert/strict";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { KernelError, type TrainReply } from "../../../src/kernel/protocol.js";
import { Kernel, Project } from "./support.js";

const kernel = new Kernel({ cancelGrace: 500 });
after(() => kernel.supervisor.dispose());

let runs = 0;
/** Starts a training function; the promise never stays unhandled. */
function train(file: string, name: string): { readonly run: string; readonly reply: Promise<TrainReply> } {
  const run = `${name}-${++runs}`;
  const reply = kernel.supervisor.train({ file, overlay: [], export: name, run });
  reply.catch(() => undefined);
  return { run, reply };
}

async function failure(promise: Promise<unknown>): Promise<KernelError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof KernelError, String(error));
    return error;
  }
  return assert.fail("It did not fail");
}

const code = `import { data, progress, report, torch } from "tensorscope";
import { setTimeout as sleep } from "node:timers/promises";
import { scale } from "./scale";

export function silent() { console.log("first"); console.log("second %d", 2); while (true) {} }
export function heeding() {
  const x = torch.ones(3);
  for (;;) x.sum().item();
}
export function stalls() { report("loss", 1); report("accuracy", 0.5); for (;;) {} }
export function exits() { process.exit(3); }
export function crashes() { process.kill(process.pid, "SIGSEGV"); while (true) {} }
export function fails(): void {
  const shape = [1];
  scale(shape);
}
export function learns() {
  for (const epoch of progress(2, { desc: "epochs" })) {
    for (const step of progress([0, 1, 2], { desc: "steps" })) report("loss", 1 / (1 + step), epoch * 3 + step);
  }
  report("final", torch.tensor(NaN));
  return { accuracy: 0.5 };
}
export function reports() { for (let i = 0; ; i++) report("loss", i); }
export async function waits() { await sleep(20); return "waited"; }
export function floods() { for (let i = 0; i < 20_000; i++) console.log("line", i); }
export function hungry() { const all: number[][] = []; for (;;) all.push(new Array<number>(1e5).fill(Math.random())); }
class Rows extends data.Dataset<number> {
  readonly length = 5;
  at(index: number): number { return scaled(index) + 100 * (data.getWorkerInfo()?.id ?? 9); }
}
function scaled(x: number): number { return 10 * x; }
export function loads(): number[] {
  const loader = new data.DataLoader(new Rows(), { batchSize: 2, numWorkers: 2 });
  return [...progress(loader)].flatMap((batch) => batch.tolist() as number[]);
}
class Endless extends data.Dataset<number> {
  readonly length = 1;
  at(): number { report("reached", 1); for (;;); }
}
export function hangs(): void { report("start", 1); for (const _ of new data.DataLoader(new Endless(), { numWorkers: 1 })) return; }
export const notOne = 1;
if (import.meta.main) throw new Error("the script part ran");
`;
const files = {
  "train.ts": code,
  "scale.ts": `export function scale(x: number[]) {\n  throw new RangeError("scale of " + x);\n}\n`,
};

test("progress, points and the result of a run come out", async () => {
  using project = new Project(files);
  const { run, reply } = train(project.path("train.ts"), "learns");
  const { returned } = await reply;
  assert.equal(returned, "{ accuracy: 0.5 }");
  const points = kernel
    .of("points")
    .filter((event) => event.run === run)
    .flatMap((event) => event.points);
  assert.deepEqual(
    points.map(({ tag, step, value }) => [tag, step, value]),
    [0, 1, 2, 3, 4, 5]
      .map((step): [string, number, number] => ["loss", step, 1 / (1 + (step % 3))])
      .concat([["final", 0, NaN]]),
  );
  const states = kernel.of("runState").filter((event) => event.run === run);
  assert.equal(states[0]?.phase, "starting");
  assert.deepEqual([states.at(-1)?.phase, states.at(-1)?.step, states.at(-1)?.total], ["done", 2, 2]);
  assert.equal((await train(project.path("train.ts"), "waits").reply).returned, "waited");
});

test("what was reported before a long step arrives before its end", async () => {
  using project = new Project(files);
  const { run, reply } = train(project.path("train.ts"), "stalls");
  const shown = await kernel.until(
    (event) =>
      event.type === "points" && event.run === run && event.points.some(({ tag }) => tag === "accuracy"),
  );
  assert.equal(shown.type === "points" && shown.points.at(-1)?.value, 0.5);
  await kernel.supervisor.cancel(run);
  await failure(reply);
});

test("a loop that never yields: its output arrives, status answers, cancel ends it", async () => {
  using project = new Project(files);
  const { run, reply } = train(project.path("train.ts"), "silent");
  await kernel.until((event) => event.type === "console" && event.run === run && event.text === "second 2");
  const status = await kernel.supervisor.status();
  assert.deepEqual([status.task?.export, status.task?.run], ["silent", run]);
  const refused = await failure(train(project.path("train.ts"), "waits").reply);
  assert.equal(refused.reason, "busy");
  const start = performance.now();
  assert.deepEqual(await kernel.supervisor.cancel(run), { how: "terminated" });
  assert.ok(performance.now() - start < 4000);
  const error = await failure(reply);
  assert.equal(error.reason, "cancelled");
  assert.match(error.message, /weights are lost/);
  assert.equal(kernel.of("runState").at(-1)?.phase, "cancelled");
  assert.equal((await train(project.path("train.ts"), "waits").reply).returned, "waited");
});

test("code that computes or reports heeds the cancellation by itself", async () => {
  using project = new Project(files);
  for (const name of ["heeding", "reports"]) {
    const { run, reply } = train(project.path("train.ts"), name);
    await kernel.until(
      (event) => event.type === "runState" && event.run === run && event.phase === "running",
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(await kernel.supervisor.cancel(), { how: "cancelled" }, name);
    assert.equal((await failure(reply)).reason, "cancelled");
  }
  assert.deepEqual(await kernel.supervisor.cancel(), { how: "idle" });
});

test("process.exit, a native crash and an exhausted memory are survived and explained", async () => {
  using project = new Project(files);
  const file = project.path("train.ts");
  const exited = await failure(train(file, "exits").reply);
  assert.equal(exited.reason, "died");
  assert.match(exited.message, /process\.exit\(3\)/);
  assert.equal((await train(file, "waits").reply).returned, "waited");

  const pid = kernel.supervisor.pids.runner;
  const { run, reply } = train(file, "crashes");
  const crashed = await failure(reply);
  assert.equal(crashed.reason, "died");
  assert.match(crashed.message, /crashed in native code \(SIGSEGV\)/);
  assert.ok(kernel.of("runState").some((event) => event.run === run && event.phase === "failed"));
  const stopped = kernel.of("state").findLast(({ state }) => state === "stopped");
  assert.match(stopped!.message!, /Lost: the run crashes/);
  assert.equal((await train(file, "waits").reply).returned, "waited");
  assert.notEqual(kernel.supervisor.pids.runner, pid);

  using small = new Kernel({ execArgv: ["--max-old-space-size=100"] });
  const hungry = await failure(small.supervisor.train({ file, overlay: [], export: "hungry", run: "h" }));
  assert.equal(hungry.reason, "died");
  assert.match(hungry.message, /ran out of memory/);
  const again = await small.supervisor.train({ file, overlay: [], export: "waits", run: "w" });
  assert.equal(again.returned, "waited");
});

test("errors carry the user's line, also from other files", async () => {
  using project = new Project(files);
  const error = await failure(train(project.path("train.ts"), "fails").reply);
  assert.deepEqual([error.reason, error.name, error.message], ["user", "RangeError", "scale of 1"]);
  assert.deepEqual(error.location, { file: project.path("scale.ts"), line: 1, column: 8 });
  assert.ok(error.remoteStack?.includes(`${project.path("train.ts")}:15:3`), error.remoteStack);
  assert.match(
    (await failure(train(project.path("train.ts"), "notOne").reply)).message,
    /no exported function/,
  );
  project.write(
    "awaits.ts",
    `const late = await Promise.resolve(3);
export function run() { if (late === 3) throw new Error("late " + import.meta.url); }
`,
  );
  const awaited = await failure(train(project.path("awaits.ts"), "run").reply);
  assert.equal(awaited.message, `late ${pathToFileURL(project.path("awaits.ts")).href}`);
  assert.deepEqual(awaited.location, { file: project.path("awaits.ts"), line: 1, column: 46 });
  project.write("scale.ts", "export function scale( {");
  assert.equal((await failure(train(project.path("train.ts"), "waits").reply)).reason, "build");
});

test("a flood of output is complete and in order", async () => {
  using project = new Project(files);
  const { run, reply } = train(project.path("train.ts"), "floods");
  await reply;
  const text = kernel
    .of("console")
    .filter((event) => event.run === run)
    .map((event) => event.text)
    .join("\n");
  assert.equal(text, Array.from({ length: 20_000 }, (_, i) => `line ${i}`).join("\n"));
});

const model = `import { nn, torch, type Tensor } from "tensorscope";
/** @input x float32[N, 8]
 *  @input ids int64[5] in 0..3 */
export class Net extends nn.Module {
  fc = new nn.Linear(8, 4);
  drop = new nn.Dropout(0.5);
  forward(x: Tensor, ids: Tensor) {
    return { y: this.drop(this.fc(x)), ids };
  }
}
export class Bare extends nn.Module {
  fc = new nn.Linear(3, 2);
  forward(x: Tensor) { return this.fc(x); }
}
/** @input x float32[2] = x.npy */
export class Stored extends nn.Module {
  forward(x: Tensor) { return x; }
}
`;

test("a forward pass gives shapes, figures, time and the module tree", async () => {
  using project = new Project({ "model.ts": model });
  const file = project.path("model.ts");
  const run = (name: string, inputs?: string[]) =>
    kernel.supervisor.forward({
      file,
      overlay: [],
      export: name,
      ...(inputs === undefined ? {} : { inputs }),
    });
  const reply = await run("Net");
  assert.deepEqual(
    reply.inputs.map(({ path, text, dtype }) => [path, text, dtype]),
    [
      ["x", "[1, 8]", "float32"],
      ["ids", "[5]", "int64"],
    ],
  );
  const [y, ids] = reply.outputs;
  assert.deepEqual([y?.path, y?.text, ids?.path, ids?.dtype], ["y", "[1, 4]", "ids", "int64"]);
  assert.ok(ids!.head.every((id) => id >= 0 && id < 3));
  assert.equal(
    y!.histogram!.reduce((a, b) => a + b),
    4,
  );
  assert.ok(Math.abs(y!.mean! - y!.head.reduce((a, b) => a + b) / 4) < 1e-12);
  assert.ok(
    y!.head.every((value) => value !== 0),
    "dropout is off",
  );
  assert.deepEqual([reply.parameters, reply.macs], [36, 32]);
  assert.deepEqual(
    reply.snapshot.root.children.map(({ name, location }) => [name, location?.line]),
    [
      ["fc", 4],
      ["drop", 5],
    ],
  );
  assert.ok(reply.milliseconds > 0 && reply.milliseconds <= reply.firstMilliseconds * 2);
  assert.deepEqual((await run("Net")).outputs[0]?.head, y!.head, "the same seed, the same numbers");

  assert.deepEqual(
    (await run("Bare")).outputs.map(({ text }) => text),
    ["[1, 2]"],
  );
  assert.deepEqual(
    (await run("Bare", ["x float32[7, 3]"])).outputs.map(({ text }) => text),
    ["[7, 2]"],
  );
  assert.equal((await kernel.supervisor.snapshot())?.root.className, "Bare");
  assert.match(
    (await failure(run("Stored"))).message,
    /@input x = x\.npy: there is no such file beside model\.ts/,
  );
  assert.match((await failure(run("Bare", ["x float32[7, 4]"]))).message, /7|4|3/);
});

test("a kernel that cannot start says why", async () => {
  using broken = new Kernel({ execArgv: ["--no-such-flag"] });
  const error = await failure(broken.supervisor.warm());
  assert.equal(error.reason, "died");
  assert.match(error.message, /while starting/);
});

test("a loader's workers find the file's own classes; a run is cancelled though one of them never answers", async () => {
  using project = new Project(files);
  const { returned } = await train(project.path("train.ts"), "loads").reply;
  assert.equal(returned, "[ 0, 10, 120, 130, 40 ]");
  const { run, reply } = train(project.path("train.ts"), "hangs");
  await kernel.until((event) => event.type === "points" && event.run === run);
  await kernel.supervisor.cancel(run);
  assert.equal((await failure(reply)).reason, "cancelled");
});
