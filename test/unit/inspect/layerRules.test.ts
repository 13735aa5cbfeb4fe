import assert from "node:assert/strict";
import { test } from "node:test";
import { formulaOf, pageOf, shapeRule } from "../../../runtime/inspect/layerRules.js";

test("the size of a convolution, in this call's numbers", () => {
  const conv = {
    className: "Conv2d",
    extraRepr: "1, 6, kernel_size=(5, 3), stride=(2, 1), padding=(2, 0)",
    inputShapes: [["N", 1, 28, 28]],
    outputShapes: [["N", 6, 14, 26]],
  };
  assert.deepEqual(shapeRule(conv), [
    "H: ⌊(28 + 2·2 − 1·(5 − 1) − 1) / 2⌋ + 1 = 14",
    "W: ⌊(28 + 2·0 − 1·(3 − 1) − 1) / 1⌋ + 1 = 26",
  ]);
});

test("a pool's stride is its kernel unless it says otherwise; other layers have no rule", () => {
  const pool = {
    className: "MaxPool2d",
    extraRepr: "kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False",
    inputShapes: [[1, 6, 28, 27]],
    outputShapes: [[1, 6, 14, 13]],
  };
  assert.deepEqual(shapeRule(pool), [
    "H: ⌊(28 + 2·0 − 1·(2 − 1) − 1) / 2⌋ + 1 = 14",
    "W: ⌊(27 + 2·0 − 1·(2 − 1) − 1) / 2⌋ + 1 = 13",
  ]);
  assert.deepEqual(
    shapeRule({ className: "ReLU", extraRepr: "", inputShapes: [[1]], outputShapes: [[1]] }),
    [],
  );
  assert.equal(formulaOf("Linear"), "y = x Wᵀ + b");
  assert.match(pageOf("Linear"), /torch\.nn\.Linear\.html$/);
});
