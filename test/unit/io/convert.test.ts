import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { nn, openTensors, safetensors, torch, type Tensor } from "../../../runtime/index.js";
import { convert } from "../../../runtime/io/convert.js";

function withFolder(body: (at: (name: string) => string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-convert-"));
  try {
    body((name) => path.join(folder, name));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function tied(): nn.Sequential {
  const model = new nn.Sequential(new nn.Linear(3, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 3));
  (model.at(2) as nn.Linear).weight = (model.at(0) as nn.Linear).weight;
  return model;
}

test("there and back: the same tensors, tied ones too", () => {
  withFolder((at) => {
    const state = tied().stateDict();
    torch.save({ epoch: 3, model: state }, at("a.pth"));
    const made = convert(at("a.pth"), at("b.safetensors"), { key: "model" });
    assert.deepEqual([made.tensors, [...made.tied]], [9, [["2.weight", "0.weight"]]]);
    assert.ok(!safetensors.loadFile(at("b.safetensors")).has("2.weight"));
    convert(at("b.safetensors"), at("c.pth"));
    const again = torch.load(at("c.pth"));
    assert.deepEqual(new Set(again.keys()), new Set(state.keys()));
    for (const [name, t] of state) assert.ok(torch.equal(again.get(name)!, t), name);
    again.get("2.weight")!.fill_(1);
    assert.equal(again.get("0.weight")!.sum().item(), 9);
  });
});

test("without a key, names are paths and what is no tensor is told", () => {
  withFolder((at) => {
    torch.save({ epoch: 3, list: [torch.ones(2), "x"], view: torch.arange(6).reshape(2, 3).t() }, at("a.pt"));
    const { leftOut } = convert(at("a.pt"), at("b.safetensors"));
    assert.deepEqual(leftOut, ["epoch", "list.1"]);
    const tensors = safetensors.loadFile(at("b.safetensors"));
    assert.deepEqual([...tensors.keys()].sort(), ["list.0", "view"]);
    assert.deepEqual(tensors.get("view")!.tolist(), [
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    assert.throws(
      () => convert(at("a.pt"), at("b.safetensors"), { key: "model" }),
      /no tensors under model; there are list\.0/,
    );
    assert.throws(() => convert(at("a.pt"), at("b.zip")), /files of tensors end in/);
  });
});

test("tensors of a .pth file are read one by one", () => {
  withFolder((at) => {
    torch.save({ m: tied().stateDict(), note: "x" }, at("a.pth"));
    using file = openTensors(at("a.pth"));
    assert.deepEqual(file.keys().slice(0, 2), ["m.0.weight", "m.0.bias"]);
    assert.deepEqual(file.info("m.0.weight").shape, [3, 3]);
    assert.equal(file.info("m.0.weight").place, file.info("m.2.weight").place);
    const t: Tensor = file.getTensor("m.0.bias");
    assert.deepEqual(t.shape, [3]);
    assert.throws(() => file.getTensor("m"), { name: "KeyError" });
  });
});

test("tensorscope convert", () => {
  withFolder((at) => {
    torch.save({ epoch: 1, model: tied().stateDict() }, at("a.pth"));
    const cli = fileURLToPath(new URL("../../../runtime/cli/main.js", import.meta.url));
    const run = (...args: readonly string[]): string => {
      const { stdout, stderr, status } = spawnSync(process.execPath, [cli, "convert", ...args], {
        encoding: "utf8",
      });
      return `${String(status)} ${stdout}${stderr}`;
    };
    assert.match(
      run(at("a.pth"), at("b.safetensors")),
      /^0 .*b\.safetensors: 9 tensors, \d+ bytes\nWritten once: model\.2\.weight = model\.0\.weight\nLeft out, being no tensors: epoch\n$/s,
    );
    assert.match(run(at("a.pth"), at("b.safetensors")), /^2 .*is there already; --force replaces it/s);
    assert.match(run(at("a.pth")), /^2 .*takes two files/s);
    fs.writeFileSync(at("bad.pth"), "no");
    assert.match(run(at("bad.pth"), at("c.safetensors")), /^1 .*not a file of torch\.save/s);
    assert.ok(!fs.existsSync(at("c.safetensors")));
  });
});
