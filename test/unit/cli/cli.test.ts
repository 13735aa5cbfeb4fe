import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../../runtime/cli/main.js", import.meta.url));
const root = fileURLToPath(new URL("../../../../", import.meta.url));
let folder = "";

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-cli-"));
});
after(() => fs.rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function tensorscope(...args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: "utf8",
    cwd: root,
  });
  return { code: status, out: stdout, err: stderr };
}

const net = `import { F, nn, torch, type Tensor } from "tensorscope";
/** @input x float32[N, 4] */
export class Net extends nn.Module {
  fc1 = new nn.Linear(4, 8);
  fc2 = new nn.Linear(8, 2);
  forward(x: Tensor): Tensor {
    return this.fc2(F.relu(this.fc1(x)));
  }
}
`;

suite("tensorscope", () => {
  test("--help and --version", () => {
    const { code, out } = tensorscope("--help");
    assert.equal(code, 0);
    assert.match(out, /tensorscope run FILE/);
    assert.match(out, /tensorscope summary FILE/);
    assert.match(tensorscope("run", "--help").out, /Ctrl-C/);
    const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as {
      version: string;
    };
    assert.equal(tensorscope("--version").out, `${version}\n`);
  });

  test("a wrong command line says what is wrong, with exit code 2", () => {
    for (const [args, message] of [
      [[], /tensorscope run FILE/],
      [["train"], /no command "train"; there are run, summary/],
      [["run"], /takes a FILE/],
      [["run", "nowhere.ts"], /no file nowhere\.ts/],
      [["run", "package.json"], /no TypeScript or JavaScript file/],
      [["run", "examples/lenet.ts", "--fast"], /--fast/],
      [["summary", "examples/lenet.ts", "--input", "x"], /--input: The @input x has no shape/],
      [["summary", "examples/lenet.ts", "--class", "VGG"], /no model VGG; there are LeNet/],
    ] as const) {
      const { code, err, out } = tensorscope(...args);
      assert.equal(code, 2, args.join(" "));
      assert.match(err, message);
      assert.equal(out, "");
    }
  });
});

suite("tensorscope summary", () => {
  test("layers, shapes, parameters and MACs", () => {
    const { code, out } = tensorscope("summary", "examples/lenet.ts");
    assert.equal(code, 0);
    const lines = out.split("\n").map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(lines[2], ["LeNet", "[1, 10]", "61,706", "416,520"]);
    assert.deepEqual(lines[4], ["├─ conv2: Conv2d", "[1, 16, 10, 10]", "2,416", "240,000"]);
    assert.match(
      out,
      /61,706 parameters · 241\.0 KiB · 416,520 multiply-accumulates for x float32\[1, 1, 28, 28\]/,
    );
  });

  test("as JSON, at another size, for an input of one's own", () => {
    const file = write("net.ts", net);
    const read = (...args: readonly string[]) => {
      const [only] = JSON.parse(tensorscope("summary", file, "--json", ...args).out) as [
        { export: string; snapshot: { input: string; root: { outputShapes: number[][]; macs: number } } },
      ];
      return only;
    };
    const { export: name, snapshot } = read("--size", "N=3");
    assert.deepEqual(
      [name, snapshot.root.outputShapes, snapshot.root.macs],
      ["Net", [[3, 2]], 3 * (32 + 16)],
    );
    assert.equal(snapshot.input, "x float32[N, 4] with N = 3");
    assert.deepEqual(read("--input", "x [5, 4]").snapshot.root.outputShapes, [[5, 2]]);
  });

  test("a shape error stands at its line", () => {
    const file = write("wrong.ts", net.replace("Linear(8, 2)", "Linear(9, 2)"));
    const { code, err, out } = tensorscope("summary", file);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /wrong\.ts:7:\d+ {2}RuntimeError: .*9/);
    assert.match(err, /> 7 \| {5}return this\.fc2/);
  });

  test("code that needs values at the top level is told where it belongs", () => {
    const file = write("eager.ts", `${net}console.log(torch.ones(2).sum().item());\n`);
    const { code, err } = tensorscope("summary", file);
    assert.equal(code, 1);
    assert.match(err, /eager\.ts:10:\d+ {2}NeedsDataError/);
    assert.match(err, /import\.meta\.main/);
  });

  test("a file without a model says so", () => {
    const { code, err } = tensorscope("summary", write("none.ts", "export const x = 1;"));
    assert.deepEqual(
      [code, err.trim().split(/[\\/]/).at(-1)],
      [1, "none.ts exports no class that extends nn.Module"],
    );
    const needy = net.replace("fc1 =", "constructor(readonly n: number) { super(); }\n  fc1 =");
    assert.match(tensorscope("summary", write("needy.ts", needy)).err, /constructor needs arguments: n/);
  });
});

suite("tensorscope run", () => {
  test("arguments, imports, import.meta.main and the exit code", () => {
    write("other.ts", `export const other = import.meta.main;`);
    const file = write(
      "script.ts",
      `import { other } from "./other.js";
       import { torch } from "tensorscope";
       console.log(JSON.stringify([process.argv.slice(2), import.meta.main, other, torch.ones(3).sum().item()]));
       process.exitCode = 3;`,
    );
    const { code, out, err } = tensorscope("run", file, "--", "a", "--b");
    assert.deepEqual([code, JSON.parse(out), err], [3, [["a", "--b"], true, false, 3], ""]);
  });

  test("devices says what there is, and why the rest is not", () => {
    const { code, out } = tensorscope("devices");
    assert.equal(code, 0);
    const lines = out.trimEnd().split("\n");
    assert.match(lines[0]!, /^device +available +name +remarks$/);
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(" ")[0]),
      ["cpu", "webgpu", "cuda", "dml", "coreml"],
    );
    assert.match(lines[1]!, /^cpu +yes +/);
    if (process.platform !== "darwin") assert.match(lines[5]!, /^coreml +no +- +Core ML is a part of macOS$/);
    const json = JSON.parse(tensorscope("devices", "--json").out) as { device: string }[];
    assert.equal(json[0]!.device, "cpu");
  });

  test("--device says where tensors are put, and is refused where there is no such device", () => {
    const file = write(
      "where.ts",
      'import { torch } from "tensorscope";\nconsole.log(String(torch.zeros(2).device));',
    );
    assert.equal(tensorscope("run", file, "--device", "cpu").out, "cpu\n");
    const absent = process.platform === "darwin" ? "dml" : "coreml";
    const refused = tensorscope("run", file, "--device", absent);
    assert.deepEqual([refused.code, refused.out], [2, ""]);
    assert.match(
      refused.err,
      new RegExp(`tensorscope run: device '${absent}' is not available: .*\\nSee: tensorscope devices`),
    );
    assert.match(tensorscope("run", file, "--device", "gpu").err, /device string: gpu/);
  });

  test("top-level await, timers and process.exit", () => {
    const file = write(
      "async.ts",
      `const { promise, resolve } = Promise.withResolvers?.() ?? { promise: 1, resolve() {} };
       setTimeout(resolve, 5, 1);
       console.log(await promise);
       setTimeout(() => process.exit(7), 10);
       setInterval(() => {}, 1000);`,
    );
    const { code, out } = tensorscope("run", file);
    assert.deepEqual([code, out], [7, "1\n"]);
  });

  test("everything printed arrives, in order, though the loop never yields", () => {
    const file = write(
      "loud.ts",
      `import { progress, report } from "tensorscope";
       for (const i of progress(3, { desc: "pass" })) { console.log("step", i); report("loss", 1 / (i + 1)); }
       process.stdout.write("x".repeat(300_000));`,
    );
    const { out, err } = tensorscope("run", file);
    assert.equal(out, `step 0\nstep 1\nstep 2\n${"x".repeat(300_000)}`);
    assert.match(err, /^pass {2}100 % .* 3\/3 .* loss 0\.3333\n$/);
  });

  test("an error stands at its file and line, with the way there", () => {
    const file = write("fails.ts", `${net}function go() {\n  new Net()(torch.zeros(1, 5));\n}\ngo();\n`);
    const { code, err, out } = tensorscope("run", file);
    assert.deepEqual([code, out], [1, ""]);
    const lines = err.split("\n");
    assert.match(lines[0]!, /fails\.ts:7:\d+ {2}RuntimeError: mat1 and mat2 shapes cannot be multiplied/);
    assert.match(err, /> 7 \| {5}return this\.fc2\(F\.relu\(this\.fc1\(x\)\)\);/);
    assert.deepEqual(
      lines.filter((line) => line.includes(" at ")).map((line) => /fails\.ts:(\d+)/.exec(line)?.[1]),
      ["7", "11", "13"],
    );
    assert.match(tensorscope("run", "--stack", file).err, /linear/);
  });

  test("errors of asynchronous code and of syntax", () => {
    const late = write("late.ts", `setTimeout(() => {\n  throw new RangeError("too late");\n}, 5);`);
    const { code, err } = tensorscope("run", late);
    assert.equal(code, 1);
    assert.match(err, /late\.ts:2:\d+ {2}RangeError: too late/);
    const broken = tensorscope("run", write("broken.ts", "const a = 1;\nconst b = ;\n"));
    assert.equal(broken.code, 1);
    assert.match(broken.err, /broken\.ts:2:11 {2}Unexpected ";"/);
    assert.match(
      tensorscope("run", write("lost.ts", 'import "./lost-file.js";')).err,
      /Cannot find "\.\/lost-file\.js"/,
    );
  });

  test("a training function that nothing calls is pointed out", () => {
    const file = write("idle.ts", `${net}/** @train */\nexport function fit() {}\n`);
    const { code, err } = tensorscope("run", file);
    assert.equal(code, 0);
    assert.match(err, /nothing in it starts fit[\s\S]*if \(import\.meta\.main\) fit\(\);/);
  });

  /** Runs a file and presses Ctrl-C when it is ready: once, or again and again. */
  async function interrupted(text: string, times: "once" | "again"): Promise<Outcome> {
    const child = spawn(process.execPath, [cli, "run", write("loop.ts", text)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    let timer: NodeJS.Timeout | undefined;
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
      if (timer !== undefined || !out.includes("ready\n")) return;
      child.kill("SIGINT");
      timer = setInterval(() => times === "again" && child.kill("SIGINT"), 100);
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (err += chunk));
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    clearInterval(timer);
    return { code, out, err };
  }

  test(
    "Ctrl-C ends a loop at its next step, and finally is run",
    { skip: process.platform === "win32" },
    async () => {
      const { code, out, err } = await interrupted(
        `import { progress } from "tensorscope";
       try {
         for (const i of progress(1e12)) if (i === 0) console.log("ready");
       } finally {
         console.log("tidied up");
       }`,
        "once",
      );
      assert.deepEqual([code, out], [130, "ready\ntidied up\n"]);
      assert.match(err, /Stopped\.\n$/);
    },
  );

  test("a second Ctrl-C ends what does not listen", { skip: process.platform === "win32" }, async () => {
    const { code } = await interrupted(`console.log("ready"); for (;;);`, "again");
    assert.equal(code, 130);
  });
});
