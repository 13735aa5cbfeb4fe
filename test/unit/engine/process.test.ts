import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const client = new URL("../../../runtime/engine/client.js", import.meta.url).href;
const support = new URL("./support.js", import.meta.url).href;
const preamble = `
  const { engine } = await import(${JSON.stringify(client)});
  const { arriving, back, copied, load, loadNode, newId, post, resident, result, run } =
    await import(${JSON.stringify(support)});
`;

/** Runs a script; it has to end by itself. */
function script(source: string) {
  const args = ["--input-type=module", "-e", source];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, signal, stdout, stderr };
}

const clean = (stdout: string) => ({ status: 0, signal: null, stdout, stderr: "" });

const negate = `
  const negate = loadNode("Neg", 1, "float32", [2]);
  console.log([...result(negate, copied(Float32Array.of(1, 2)))].join());
`;

test("a script ends by itself while the engine idles", () => {
  assert.deepEqual(script(preamble + negate), clean("-1,-2\n"));
});

test("a script ends by itself, and cleanly, while a run is under way", () => {
  const busy = `
    const matmul = loadNode("MatMul", 2, "float32", [600, 600]);
    const x = new Float32Array(360000);
    for (let i = 0; i < 4; i++) post(matmul, [copied(x, [600, 600]), copied(x, [600, 600])], [back()]);
    console.log("posted");
  `;
  assert.deepEqual(script(preamble + busy), clean("posted\n"));
});

test("a script may end while the engine is still loading", () => {
  const source = `
    post(loadNode("Neg", 1, "float32", [2]), [copied(new Float32Array(2))], [back()]);
    process.exit(0);
  `;
  assert.deepEqual(script(preamble + source), clean(""));
});

test("a user thread that is ended from outside takes no engine out of native code", () => {
  const signal = new URL("../../../runtime/engine/signal.js", import.meta.url).href;
  const inner = `
    ${preamble}
    const { workerData, parentPort } = await import("node:worker_threads");
    engine.shareSignal(workerData);
    const matmul = loadNode("MatMul", 2, "float32", [600, 600]);
    const x = copied(new Float32Array(360000), [600, 600]);
    run(matmul, [x, x], [back()]);
    parentPort.postMessage("runs");
    for (;;) run(matmul, [x, x], [back()]);
  `;
  const source = `
    import { Worker } from "node:worker_threads";
    import { once } from "node:events";
    const { halted, newSignal } = await import(${JSON.stringify(signal)});
    const workerData = newSignal();
    const url = new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(inner)}));
    const worker = new Worker(url, { workerData });
    await once(worker, "message");
    console.log(await halted(workerData, 20000), await worker.terminate());
  `;
  assert.deepEqual(script(source), clean("true 1\n"));
});

test("user threads that are workers have an engine each", () => {
  const inner = JSON.stringify(preamble + negate);
  const source = `
    import { Worker } from "node:worker_threads";
    import { once } from "node:events";
    const url = new URL("data:text/javascript," + encodeURIComponent(${inner}));
    const workers = [new Worker(url), new Worker(url)];
    console.log((await Promise.all(workers.map((w) => once(w, "exit")))).join());
  `;
  assert.deepEqual(script(source), clean("-1,-2\n-1,-2\n0,0\n"));
});

test("what the engine thread cannot load is said, not waited for", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-engine-"));
  try {
    // The library without the packages it needs.
    for (const part of ["runtime", "test/unit/engine/support.js"]) {
      const from = fileURLToPath(new URL(`../../../${part}`, import.meta.url));
      fs.cpSync(from, path.join(folder, part), { recursive: true });
    }
    fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
    const moved = (preamble + negate).replaceAll(/file:[^"]*\/out\/(?=runtime|test)/g, `file://${folder}/`);
    const { status, stderr } = script(moved);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /RuntimeError: The engine thread has stopped: Cannot find package 'onnxruntime-node'/,
    );
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test("an engine thread that dies while it is waited for is an error", () => {
  const dying = `
    // No message of the protocol: it throws inside the thread.
    engine.post({ type: "drop", ids: 1 });
    try {
      result(loadNode("Neg", 1, "float32", [2]), copied(Float32Array.of(1, 2)));
    } catch (error) {
      console.log(error.name, error.message);
    }
  `;
  const { status, stdout } = script(preamble + dying);
  assert.equal(status, 0);
  assert.match(stdout, /^RuntimeError The engine thread has stopped: .*not iterable/);
});

const cancel = `
  const { setCancelFlag } = await import(${JSON.stringify(new URL("../../../runtime/engine/cancel.js", import.meta.url).href)});
  const flag = new Int32Array(new SharedArrayBuffer(4));
  setCancelFlag(flag);
`;

test("cancelling ends a wait, and what was posted still arrives afterwards", () => {
  const source = `
    const negate = loadNode("Neg", 1, "float32", [2]);
    const seen = [];
    engine.onReply((reply) => seen.push(reply.run));
    const runs = [1, 2, 3, 4].map(() => post(negate, [copied(Float32Array.of(1, 2))], [back()]));
    Atomics.store(flag, 0, 1);
    for (const act of [() => engine.wait(runs[3]), () => engine.ready()]) {
      try {
        act();
        console.log("not cancelled");
      } catch (error) {
        console.log(error.name);
      }
    }
    Atomics.store(flag, 0, 0);
    engine.wait(runs[3]);
    console.log(seen.join() === runs.join());
  `;
  assert.deepEqual(script(preamble + cancel + source), clean("Cancelled\nCancelled\ntrue\n"));
});

test("a loop that never yields is cancelled from another thread", () => {
  const source = `
    const { Worker } = await import("node:worker_threads");
    const setter = "setTimeout(() => Atomics.store(require('worker_threads').workerData, 0, 1), 100)";
    new Worker(setter, { eval: true, workerData: flag, execArgv: [] });
    const matmul = loadNode("MatMul", 2, "float32", [400, 400]);
    const x = copied(new Float32Array(160000), [400, 400]);
    try {
      for (;;) run(matmul, [x, x], [back()]);
    } catch (error) {
      console.log(error.name);
    }
  `;
  assert.deepEqual(script(preamble + cancel + source), clean("Cancelled\n"));
});
