import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { torch } from "../../../runtime/index.js";
import { setTracing } from "../../../runtime/graph/executor.js";

const library = new URL("../../../runtime/index.js", import.meta.url).href;

/** What a program prints that has no graphics driver, whatever this machine has. */
function withoutDriver(body: string): unknown {
  const program = `import { torch } from ${JSON.stringify(library)}; console.log(JSON.stringify(${body}));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, VK_DRIVER_FILES: "/nonexistent", VK_ICD_FILENAMES: "/nonexistent" },
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout);
}

test("a device that is not there says why, and is refused with the reason when it is asked for", (t) => {
  if (process.platform !== "linux") t.skip("a driver cannot be hidden on this system");
  else {
    const attempt = (call: string): string =>
      `(() => { try { ${call}; return null; } catch (e) { return e.name + ": " + e.message; } })()`;
    const [available, count, reason, ...errors] = withoutDriver(
      `[torch.webgpu.isAvailable(), torch.webgpu.deviceCount(), torch.webgpu.unavailableReason(),
        ${attempt('torch.zeros(2, { device: "webgpu" })')}, ${attempt('torch.zeros(2).to("webgpu")')},
        ${attempt('torch.setDefaultDevice("webgpu")')}, ${attempt("torch.webgpu.getDeviceName()")}]`,
    ) as [boolean, number, string, ...string[]];
    assert.deepEqual([available, count], [false, 0]);
    assert.match(reason, /graphics driver/);
    for (const error of errors) {
      assert.match(error, /^RuntimeError: device 'webgpu' is not available: .*graphics driver/);
    }
  }
});

test("each kind of device answers on every machine", () => {
  for (const kind of [torch.cuda, torch.webgpu, torch.dml, torch.coreml]) {
    const there = kind.isAvailable();
    assert.equal(kind.unavailableReason() === null, there);
    assert.equal(kind.deviceCount() > 0, there);
    if (there) assert.notEqual(kind.getDeviceName(), "");
    else assert.throws(() => kind.getDeviceName(), { message: /is not available: |does not compute/ });
  }
  if (process.platform !== "darwin") assert.match(torch.coreml.unavailableReason()!, /macOS/);
  if (process.platform !== "win32") assert.match(torch.dml.unavailableReason()!, /Windows/);
  assert.throws(() => torch.cuda.getDeviceName("webgpu"), /Expected a cuda device, but got: webgpu/);
});

test("versions of the library, of ONNX Runtime, and of CUDA where there is any", () => {
  assert.match(torch.version.tensorscope, /^\d+\.\d+\.\d+/);
  assert.match(torch.version.onnxruntime!, /^\d+\.\d+\.\d+/);
  assert.ok(torch.version.cuda === null || typeof torch.version.cuda === "string");
});

test("while shapes are traced nothing is looked for", () => {
  setTracing(true);
  try {
    assert.equal(torch.webgpu.isAvailable(), false);
    assert.match(torch.webgpu.unavailableReason()!, /in a run only/);
    assert.equal(torch.zeros(2, { device: "coreml" }).device.type, "coreml");
  } finally {
    setTracing(false);
  }
});
