import assert from "node:assert/strict";
import { test } from "node:test";
import { fitShape, sizesFor } from "../../../src/kernel/fit.js";
import {
  concreteDims,
  InputError,
  parseInput,
  proposeInput,
  symbolsOf,
} from "../../../runtime/source/inputs.js";

test("an input has a name, a dtype, sizes and symbols", () => {
  assert.deepEqual(parseInput("x float32[1, 1, 28, 28]"), {
    name: "x",
    dtype: "float32",
    dims: [1, 1, 28, 28],
    text: "x float32[1, 1, 28, 28]",
  });
  assert.deepEqual(parseInput("  tokens:torch.int64 [N,128] in 0..50257 ").range, [0, 50257]);
  assert.equal(parseInput("x [N, 3]").text, "x float32[N, 3]");
  assert.equal(parseInput("x long[4]").dtype, "int64");
  assert.deepEqual(parseInput("x float32[]").dims, []);
  assert.equal(parseInput("x uint8[N, 28, 28] = data/digits.npy").from, "data/digits.npy");
  assert.equal(parseInput("x float32[2]  the pictures").text, "x float32[2]");
  const pair = [parseInput("a [N, T]"), parseInput("b [T, M]")];
  assert.deepEqual(symbolsOf(pair), ["N", "T", "M"]);
  assert.deepEqual(concreteDims(pair[1]!, new Map([["T", 5]])), [5, 1]);
});

test("a faulty input says what is wrong and where", () => {
  const faults: [text: string, message: RegExp, at: number][] = [
    ["", /begins with the parameter's name/, 0],
    ["x", /has no shape/, 0],
    ["x float32[1, 2", /lacks its "\]"/, 9],
    ["x float31[1]", /float31 is not a dtype/, 2],
    ["x [1, -2]", /"-2" is not a size/, 6],
    ["x [1, 2,]", /ends with a comma/, 8],
    ["x float32[1] in 0..5", /Only integer inputs/, 12],
    ["x int64[1] in 5..5", /empty/, 11],
    ["x int64[1] in five", /A range is written/, 11],
  ];
  for (const [text, message, at] of faults) {
    assert.throws(
      () => parseInput(text),
      (error) => error instanceof InputError && message.test(error.message) && error.at === at,
      `${text}`,
    );
  }
});

test("inputs are proposed from the first layer", () => {
  assert.equal(
    proposeInput("x", { className: "Conv2d", fields: { inChannels: 1 } })?.text,
    "x float32[N, 1, 28, 28]",
  );
  assert.equal(
    proposeInput("x", { className: "Linear", fields: { inFeatures: 8 } })?.text,
    "x float32[N, 8]",
  );
  assert.equal(
    proposeInput("ids", { className: "Embedding", fields: { numEmbeddings: 100 } })?.text,
    "ids int64[N, 16] in 0..100",
  );
  assert.equal(proposeInput("x", { className: "ReLU", fields: {} }), undefined);
});

test("dimensions are fitted over the sizes of N, and stay numbers where no line fits", () => {
  const one = sizesFor(["N"]);
  const shapes = (f: (n: number) => number[]): number[][] => one.map((sizes) => f(sizes.get("N")!));
  assert.deepEqual(
    fitShape(
      one,
      shapes((n) => [n, 10]),
    ),
    ["N", 10],
  );
  assert.deepEqual(
    fitShape(
      one,
      shapes((n) => [4 * n, n + 1, 2 * n - 3]),
    ),
    ["4N", "N+1", "2N-3"],
  );
  assert.deepEqual(
    fitShape(
      one,
      shapes((n) => [n * n, Math.ceil(n / 2)]),
    ),
    [4, 1],
  );
  assert.deepEqual(fitShape(one, [[2, 3], [3], [5, 3]]), [2, 3]);

  const two = sizesFor(["N", "T"]);
  const pairs = (f: (n: number, t: number) => number[]): number[][] =>
    two.map((sizes) => f(sizes.get("N")!, sizes.get("T")!));
  assert.deepEqual(
    fitShape(
      two,
      pairs((n, t) => [n, t, n + 2 * t]),
    ),
    ["N", "T", "N+2T"],
  );
  // A product lies on a line in each symbol alone.
  assert.deepEqual(
    fitShape(
      two,
      pairs((n, t) => [n * t]),
    ),
    [24],
  );
  assert.deepEqual(fitShape(sizesFor([]), [[7]]), [7]);
});
