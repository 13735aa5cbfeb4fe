import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
  fromBfloat16,
  fromFloat16,
  roundFloat16,
  toBfloat16,
  toFloat16,
} from "../../../runtime/tensor/half.js";

const everyBits = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** The neighbours decide: halfway between two consecutive patterns goes to the even one. */
function checkTies(
  decode: (bits: Uint16Array) => Float32Array,
  encode: (value: number) => number,
  infinity: number,
): void {
  const values = decode(everyBits);
  for (let bits = 0; bits < infinity - 1; bits++) {
    const low = values[bits]!;
    const high = values[bits + 1]!;
    const middle = (low + high) / 2;
    if (Math.fround(middle) !== middle) continue;
    const even = (bits & 1) === 0 ? bits : bits + 1;
    assert.equal(encode(middle), even, `${middle}`);
    assert.equal(encode(-middle), even | 0x8000);
    assert.equal(encode(low + (high - low) / 4), bits);
    assert.equal(encode(low + ((high - low) * 3) / 4), bits + 1);
  }
}

suite("float16 and bfloat16", () => {
  test("known values", () => {
    assert.equal(toFloat16(1), 0x3c00);
    assert.equal(toFloat16(-2), 0xc000);
    assert.equal(toFloat16(65504), 0x7bff);
    assert.equal(toFloat16(65519.99), 0x7bff);
    assert.equal(toFloat16(65520), 0x7c00);
    assert.equal(toFloat16(2 ** -24), 1);
    assert.equal(toFloat16(2 ** -25), 0);
    assert.equal(toFloat16(-0), 0x8000);
    assert.equal(roundFloat16(0.1), 0.0999755859375);
    assert.equal(toBfloat16(1), 0x3f80);
    assert.equal(toBfloat16(3.4e38), 0x7f80);
    assert.equal(fromBfloat16(0x4049), 3.140625);
    assert.ok(Number.isNaN(fromFloat16(toFloat16(NaN))));
    assert.equal(toBfloat16(NaN), 0x7fc0);
  });

  test("every pattern survives the round trip", () => {
    const halves = decodeFloat16(everyBits);
    const brains = decodeBfloat16(everyBits);
    const backHalf = encodeFloat16(halves);
    const backBrain = encodeBfloat16(brains);
    for (let bits = 0; bits < 0x10000; bits++) {
      if (!Number.isNaN(halves[bits])) assert.equal(backHalf[bits], bits);
      if (!Number.isNaN(brains[bits])) assert.equal(backBrain[bits], bits);
      assert.ok(Object.is(fromFloat16(bits), halves[bits]));
    }
    assert.equal(halves.filter(Number.isNaN).length, 2 * 1023);
    assert.equal(brains.filter(Number.isNaN).length, 2 * 127);
  });

  test("rounding is to nearest, ties to even", () => {
    checkTies(decodeFloat16, toFloat16, 0x7c00);
    checkTies(decodeBfloat16, toBfloat16, 0x7f80);
  });

  test("arrays of float64 go through float32, as in PyTorch", () => {
    const value = 1 + 2 ** -11 + 2 ** -40;
    assert.equal(encodeFloat16(Float64Array.of(value))[0], 0x3c00);
    assert.equal(toFloat16(value), 0x3c00);
    const out = new Uint16Array(2);
    assert.equal(encodeBfloat16(Float64Array.of(1, -1), out), out);
    assert.deepEqual([...out], [0x3f80, 0xbf80]);
    assert.throws(() => encodeFloat16(new Float32Array(3), out), RangeError);
  });
});
