import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { suite, test } from "node:test";
import zlib from "node:zlib";
import { RuntimeError } from "../../../runtime/errors.js";
import { checkDraw, draw, fillDraw } from "../../../runtime/random/distributions.js";
import type { Draw } from "../../../runtime/random/distributions.js";
import { Mt19937 } from "../../../runtime/random/mt19937.js";
import { allocate, viewAs } from "../../../runtime/tensor/dtype.js";
import { fromBfloat16 } from "../../../runtime/tensor/half.js";
import { cases, toDraw } from "./cases.js";
import type { Case, DrawCase } from "./cases.js";
import { findOracle } from "./oracle.js";

interface Answer {
  readonly out: readonly string[];
  readonly crc: number;
  readonly words: number;
  readonly state?: string;
}

/** Functions of libm that JavaScript's may miss by a unit in the last place. */
function tolerance(source: DrawCase): [relative: number, absolute: number] | null {
  if (source.kind === "truncNormal") {
    if (source.dtype === "bfloat16") return [2 ** -7, 2 ** -8];
    return source.dtype === "float32" ? [1e-6, 1e-7] : [1e-13, 1e-15];
  }
  if (source.dtype !== "float64") return null;
  return ["normal", "logNormal", "cauchy", "exponential"].includes(source.kind) ? [4e-15, 1e-15] : null;
}

function compare(source: DrawCase, actual: Uint8Array, expected: Uint8Array, where: string): void {
  assert.equal(actual.length, expected.length, where);
  const allowed = tolerance(source);
  if (allowed === null || source.dtype === "bfloat16") {
    if (Buffer.compare(actual, expected) === 0) return;
    if (allowed === null) assert.deepEqual(actual, expected, where);
  }
  const [relative, absolute] = allowed!;
  const [a, b] = [numbers(source, actual), numbers(source, expected)];
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    assert.ok(difference <= relative * Math.abs(b[i]!) + absolute, `${where}[${i}]: ${a[i]} for ${b[i]}`);
  }
}

function numbers(source: DrawCase, bytes: Uint8Array): number[] {
  const elements = viewAs(source.dtype, new Uint8Array(bytes).buffer);
  return Array.from<number | bigint, number>(elements, (x) =>
    source.dtype === "bfloat16" ? fromBfloat16(Number(x)) : Number(x),
  );
}

/** Replays the cases; returns how many cached normals, at the end of the state, differ in their last bit. */
function replay(list: readonly Case[], answers: readonly Answer[]): number {
  assert.equal(answers.length, list.length, "the golden file is older than the cases: run the oracle again");
  let rounded = 0;
  list.forEach((item, i) => {
    const answer = answers[i]!;
    const gen = new Mt19937(BigInt(item.seed));
    item.draws.forEach((source, j) => {
      const where = `seed ${item.seed}, ${source.kind} ${source.dtype} ×${source.count}, draw ${j}`;
      const [out] = fillDraw(gen, toDraw(source));
      compare(source, bytesOf(out!), Buffer.from(answer.out[j]!, "base64"), where);
    });
    const state = gen.getState();
    assert.equal(zlib.crc32(state.subarray(0, 5016)), answer.words, `state after case ${i}`);
    if (zlib.crc32(state) !== answer.crc) rounded++;
    if (answer.state !== undefined) {
      assert.deepEqual(Buffer.from(state), Buffer.from(answer.state, "base64"), `state after case ${i}`);
    }
  });
  return rounded;
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

suite("random numbers are PyTorch's", () => {
  test("golden values of 1.13.1: every kind, dtype and path", () => {
    const file = fs.readFileSync("test/oracle/golden/rng.json", "utf8");
    const { answers } = JSON.parse(file) as { answers: Answer[] };
    assert.equal(replay(cases(0), answers), 0);
  });

  test("live PyTorch, other seeds and sizes", (context) => {
    const python = findOracle();
    if (python === undefined) {
      assert.equal(process.env.CI, undefined, "no Python with PyTorch 1.13 in CI");
      context.skip("no Python with PyTorch 1.13: install python3-torch");
      return;
    }
    const list = cases(20_000, [0, 2, 15, 17, 47, 120]);
    const run = spawnSync(python, ["-W", "ignore", "test/oracle/rng.py"], {
      input: JSON.stringify(list),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    assert.equal(run.status, 0, run.stderr);
    const { answers } = JSON.parse(run.stdout) as { answers: Answer[] };
    // glibc's own log and sin are not always correctly rounded.
    const rounded = replay(list, answers);
    assert.ok(rounded <= list.length / 100, `${rounded} of ${list.length} cached normals differ`);
  });

  test("a draw and its replay from a saved state agree", () => {
    const gen = new Mt19937(7);
    draw("normal", gen, "float32", 5, { mean: 0, std: 1 });
    draw("uniform", gen, "float32", 700, { from: 0, to: 1 });
    const copy = gen.clone();
    const state = gen.getState();
    const first = draw("logNormal", gen, "float64", 9, { mean: 0, std: 1 });
    assert.deepEqual(draw("logNormal", copy, "float64", 9, { mean: 0, std: 1 }), first);
    gen.setState(state);
    assert.deepEqual(draw("logNormal", gen, "float64", 9, { mean: 0, std: 1 }), first);
    assert.deepEqual(gen.getState(), copy.getState());
  });

  test("a request survives structured cloning", () => {
    const request: Draw = { kind: "bernoulli", dtype: "bool", count: 4, p: Float32Array.of(0, 1, 0.5, 1) };
    const here = fillDraw(new Mt19937(3), request);
    assert.deepEqual(fillDraw(new Mt19937(3), structuredClone(request)), here);
    assert.equal(here[0]![0], 0);
    assert.equal(here[0]![1], 1);
  });

  test("numbers lie where they must, and are spread", () => {
    const count = 200_000;
    const gen = new Mt19937(11);
    const uniform = draw("uniform", gen, "float32", count, { from: -1, to: 1 }) as Float32Array;
    assert.ok(uniform.every((x) => x >= -1 && x < 1));
    const normal = draw("normal", gen, "float32", count, { mean: 2, std: 3 }) as Float32Array;
    const mean = normal.reduce((sum, x) => sum + x, 0) / count;
    const variance = normal.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
    assert.ok(Math.abs(mean - 2) < 0.05 && Math.abs(variance - 9) < 0.15, `${mean} ${variance}`);
    const rate = 37.5;
    const counts = draw("poisson", gen, "float32", count, { rate: new Float32Array(count).fill(rate) });
    const average = (counts as Float32Array).reduce((sum, x) => sum + x, 0) / count;
    assert.ok(Math.abs(average - rate) < 0.1, `${average}`);
    const order = draw("randperm", gen, "int32", 1000, {});
    assert.deepEqual(
      Array.from(order as Int32Array).sort((a, b) => a - b),
      [...Array(1000).keys()],
    );
  });

  const refused: readonly [RegExp, Draw][] = [
    [
      /"check_uniform_bounds" not implemented for 'Long'/,
      { kind: "uniform", dtype: "int64", count: 1, from: 0, to: 1 },
    ],
    [/from=2 > to=1/, { kind: "uniform", dtype: "float32", count: 1, from: 2, to: 1 }],
    [/to is out of bounds for c10::Half/, { kind: "uniform", dtype: "float16", count: 1, from: 0, to: 7e4 }],
    [/exceed the limit/, { kind: "uniform", dtype: "float32", count: 1, from: -3e38, to: 3e38 }],
    [/normal expects std >= 0.0/, { kind: "normal", dtype: "float32", count: 1, mean: 0, std: -1 }],
    [
      /"normal_kernel_cpu" not implemented for 'Int'/,
      { kind: "normal", dtype: "int32", count: 1, mean: 0, std: 1 },
    ],
    [/std > 0.0/, { kind: "logNormal", dtype: "float32", count: 1, mean: 0, std: 0 }],
    [/lambda >= 0.0/, { kind: "exponential", dtype: "float32", count: 1, lambd: -1 }],
    [/p to be in \(0, 1\)/, { kind: "geometric", dtype: "float32", count: 1, p: 1 }],
    [/p to be in \[0, 1\]/, { kind: "bernoulli", dtype: "float32", count: 1, p: 2 }],
    [/not implemented for 'Half'/, { kind: "bernoulli", dtype: "float16", count: 1, p: 0.5 }],
    [/from=3 >= to=3/, { kind: "randint", dtype: "int64", count: 1, from: 3, to: 3 }],
    [
      /to - 1 is out of bounds for signed char/,
      { kind: "randint", dtype: "int8", count: 1, from: 0, to: 300 },
    ],
    [
      /from is out of bounds for unsigned char/,
      { kind: "randint", dtype: "uint8", count: 1, from: -1, to: 3 },
    ],
    [/n cannot be greater than 2049 for Half/, { kind: "randperm", dtype: "float16", count: 2050 }],
    [/uint8_t without overflow/, { kind: "randperm", dtype: "uint8", count: 257 }],
    [
      /without replacement/,
      {
        kind: "multinomial",
        dtype: "int64",
        count: 3,
        rows: 1,
        input: Float32Array.of(1, 1),
        replacement: false,
      },
    ],
  ];
  for (const [message, request] of refused) {
    test(`refused at the call: ${message.source}`, () => {
      assert.throws(
        () => checkDraw(request),
        (error) => error instanceof RuntimeError && message.test(error.message),
      );
    });
  }

  test("refused while drawing: values in tensors", () => {
    const gen = new Mt19937();
    const weights = (input: Float32Array<ArrayBuffer>, replacement: boolean): (() => unknown) => {
      return () => draw("multinomial", gen, "int64", 1, { input, rows: 1, replacement });
    };
    assert.throws(weights(Float32Array.of(-1, 2), true), /entry < 0/);
    assert.throws(weights(Float32Array.of(-1, 2), false), /element < 0/);
    assert.throws(weights(Float32Array.of(0, 0), true), /sum of probabilities <= 0/);
    assert.throws(weights(Float32Array.of(0, 0), false), /sum of probabilities <= 0/);
    assert.throws(weights(Float32Array.of(0, Infinity), true), /infinity or NaN/);
    assert.throws(() => draw("poisson", gen, "float32", 1, { rate: Float32Array.of(-1) }), /Poisson rate/);
    assert.throws(() => draw("bernoulli", gen, "bool", 1, { p: Float32Array.of(1.5) }), /p_in/);
    const std = allocate("float32", 2);
    std[0] = -1;
    assert.throws(() => draw("normal", gen, "float32", 2, { mean: 0, std }), /all elements of std >= 0.0/);
  });
});
