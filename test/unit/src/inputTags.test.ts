import assert from "node:assert/strict";
import { test } from "node:test";
import { forwardParameters, inDocComment, inputSlot, taggedNames } from "../../../src/authoring/inputTags.js";

test("where in a tag the cursor is", () => {
  assert.equal(inputSlot("/** @"), "tag");
  assert.equal(inputSlot(" * @inp"), "tag");
  assert.equal(inputSlot(" * @input "), "name");
  assert.equal(inputSlot(" * @input x "), "dtype");
  assert.equal(inputSlot(" * @input x float32[N, "), "dims");
  assert.equal(inputSlot(" * @input ids int64[N, 16] "), "range");
  assert.equal(inputSlot(" * @input x float32[1] "), undefined);
  assert.equal(inputSlot(" * some words"), undefined);
  assert.equal(inputSlot("const x = 1;"), undefined);
});

test("the parameters of forward under a comment, and those that have a tag", () => {
  const text = `/**
 * @input ids int64[N, 16]
 * @input
 */
export class Net extends nn.Module {
  fc = new nn.Linear(3, 4);
  forward(ids: Tensor, mask: Tensor | null = null, options: { a: number, b: number } = { a: 1, b: 2 }) {}
}`;
  const at = text.indexOf("@input\n");
  assert.ok(inDocComment(text, at));
  assert.ok(!inDocComment(text, text.indexOf("fc =")));
  assert.deepEqual(forwardParameters(text, at), ["ids", "mask", "options"]);
  assert.deepEqual(taggedNames(text, at), ["ids"]);
  assert.deepEqual(forwardParameters("/** @input */\nfunction f(x) {}", 5), []);
});
