import assert from "node:assert/strict";
import * as fs from "node:fs";
import { suite, test } from "node:test";
import {
  conv2dPadding,
  conv2dShape,
  convMacs,
  convOutputSize,
  convParameterCount,
  convTranspose2dShape,
  convTransposeMacs,
  convTransposeOutputSize,
  maxPool2dShape,
  poolOutputSize,
  poolWindows,
  samePadding,
  unreadAtEnd,
  windowStart,
} from "../../../runtime/inspect/arithmetic.js";
import type {
  Conv2dOptions,
  ConvTranspose2dOptions,
  ImageShape,
  MaxPool2dOptions,
} from "../../../runtime/inspect/arithmetic.js";

type Golden = readonly [
  layer: string,
  input: ImageShape,
  options: unknown,
  output: readonly number[] | string,
  parameters: number | null,
];

const golden = JSON.parse(fs.readFileSync("test/oracle/golden/arithmetic.json", "utf8")) as Golden[];

function shapeOf(layer: string, input: ImageShape, options: unknown): readonly number[] | string {
  try {
    if (layer === "Conv2d") return conv2dShape(input, options as Conv2dOptions);
    if (layer === "ConvTranspose2d") return convTranspose2dShape(input, options as ConvTranspose2dOptions);
    return maxPool2dShape(input, options as MaxPool2dOptions);
  } catch (error) {
    return String(error);
  }
}

suite("arithmetic as PyTorch does it", () => {
  for (const layer of ["Conv2d", "ConvTranspose2d", "MaxPool2d"]) {
    const rows = golden.filter(([name]) => name === layer);
    test(`${layer}: output shapes and errors`, () => {
      assert.ok(rows.length >= 100, `${rows.length} rows`);
      assert.ok(rows.filter((row) => Array.isArray(row[3])).length > rows.length / 2);
      for (const [, input, options, output] of rows) {
        assert.deepEqual(shapeOf(layer, input, options), output, JSON.stringify([input, options]));
      }
    });
  }

  test("parameter counts", () => {
    let checked = 0;
    for (const [layer, input, options, , parameters] of golden) {
      if (layer === "MaxPool2d" || parameters === null) continue;
      const { outChannels, kernelSize, groups } = options as Conv2dOptions;
      assert.equal(convParameterCount(input[1], outChannels, kernelSize, groups), parameters);
      checked += 1;
    }
    assert.ok(checked > 200);
  });

  test("without a bias the count lacks one per output channel", () => {
    assert.equal(convParameterCount(6, 16, [5, 5]), 2416);
    assert.equal(convParameterCount(6, 16, [5, 5], 1, false), 2400);
    assert.equal(convParameterCount(32, 32, [3, 3], 32, false), 288);
  });

  test("what the backends say about zero", () => {
    const layer = {
      outChannels: 1,
      kernelSize: [3, 3],
      stride: [1, 1],
      padding: [0, 0],
      dilation: [1, 1],
      groups: 1,
    } as const;
    assert.throws(() => conv2dShape([1, 1, 5, 5], { ...layer, kernelSize: [0, 3] }), {
      name: "RuntimeError",
      message: /^kernel size should be greater than zero/,
    });
    assert.throws(() => conv2dShape([1, 1, 5, 5], { ...layer, dilation: [1, 0] }), {
      name: "RuntimeError",
      message: "dilation should be greater than zero, but got [1, 0]",
    });
    assert.throws(() => conv2dShape([1, 1, 5, 5], { ...layer, kernelSize: [-1, 3] }), {
      message: "Trying to create tensor with negative dimension -1: [1, 1, -1, 3]",
    });
  });
});

suite("one axis", () => {
  test("sizes by hand", () => {
    assert.equal(convOutputSize(28, 5, 1, 2), 28);
    assert.equal(convOutputSize(224, 7, 2, 3), 112);
    assert.equal(convOutputSize(7, 3, 1, 0, 2), 3);
    assert.equal(poolOutputSize(112, 3, 2, 1), 56);
    assert.equal(poolOutputSize(5, 2), 2);
    assert.equal(poolOutputSize(5, 2, 2, 0, 1, true), 3);
    assert.equal(convTransposeOutputSize(7, 4, 2, 1), 14);
    assert.equal(convTransposeOutputSize(convOutputSize(28, 3, 2, 1), 3, 2, 1, 1), 28);
  });

  test("ceil mode drops a window that would start in the right padding", () => {
    // Windows would start at -1, 2, 5; the input and its left padding end at 4, so 5 is out.
    assert.equal(poolWindows(5, 2, 3, 1, 1, true), 3);
    assert.equal(poolOutputSize(5, 2, 3, 1, 1, true), 2);
  });

  test("same padding keeps the size, the odd one at the end", () => {
    assert.deepEqual(samePadding(3), [1, 1]);
    assert.deepEqual(samePadding(4), [1, 2]);
    assert.deepEqual(samePadding(4, 3), [4, 5]);
    for (const kernel of [1, 2, 3, 4, 5]) {
      for (const dilation of [1, 2, 3]) {
        const [before, after] = samePadding(kernel, dilation);
        assert.equal(convOutputSize(9 + before + after, kernel, 1, 0, dilation), 9);
      }
    }
    assert.deepEqual(conv2dPadding({ kernelSize: [3, 4], padding: "same", dilation: [1, 1] }), [
      [1, 1],
      [1, 2],
    ]);
  });

  test("windows and what they leave unread", () => {
    assert.equal(windowStart(0, 2, 3), -3);
    assert.equal(windowStart(4, 2, 3), 5);
    for (const input of [5, 6, 7, 8, 9]) {
      for (const stride of [1, 2, 3]) {
        const output = convOutputSize(input, 3, stride, 1);
        const read = new Set<number>();
        for (let o = 0; o < output; o++) {
          for (let tap = 0; tap < 3; tap++) read.add(windowStart(o, stride, 1) + tap);
        }
        assert.equal(unreadAtEnd(input, 3, stride, [1, 1], 1, output), input - Math.max(...read));
      }
    }
    assert.equal(unreadAtEnd(5, 2, 2, [0, 0], 1, 3), 0);
  });
});

suite("multiply-accumulates", () => {
  test("a convolution, counted one by one", () => {
    const input: ImageShape = [2, 4, 6, 5];
    const options: Conv2dOptions = {
      outChannels: 6,
      kernelSize: [3, 2],
      stride: [2, 1],
      padding: [1, 0],
      dilation: [1, 2],
      groups: 2,
    };
    const output = conv2dShape(input, options);
    let count = 0;
    for (let n = 0; n < output[0]; n++)
      for (let o = 0; o < output[1]; o++)
        for (let y = 0; y < output[2]; y++)
          for (let x = 0; x < output[3]; x++)
            for (let c = 0; c < input[1] / options.groups; c++)
              for (let ky = 0; ky < 3; ky++) for (let kx = 0; kx < 2; kx++) count += 1;
    assert.equal(convMacs(output, input[1], options.kernelSize, options.groups), count);
  });

  test("LeNet's two convolutions", () => {
    assert.equal(convMacs([1, 6, 28, 28], 1, [5, 5]), 117_600);
    assert.equal(convMacs([1, 16, 10, 10], 6, [5, 5]), 240_000);
  });

  test("a transposed convolution is the mirror of its convolution", () => {
    const macs = convMacs([1, 8, 7, 7], 4, [2, 2]);
    assert.equal(convTransposeMacs([1, 8, 7, 7], 4, [2, 2]), macs);
  });
});
