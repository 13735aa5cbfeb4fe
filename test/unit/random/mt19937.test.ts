import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RuntimeError } from "../../../runtime/errors.js";
import { Mt19937, stateSize } from "../../../runtime/random/mt19937.js";

suite("Mersenne Twister", () => {
  test("the reference sequence of seed 5489", () => {
    const gen = new Mt19937(5489);
    assert.deepEqual([gen.random(), gen.random(), gen.random()], [3499211612, 581869302, 3890346734]);
    // C++ fixes the 10000th number of std::mt19937.
    for (let i = 3; i < 9999; i++) gen.random();
    assert.equal(gen.random(), 4123659995);
  });

  test("64-bit words are two 32-bit words, the high one first", () => {
    const [a, b, c] = [new Mt19937(9), new Mt19937(9), new Mt19937(9)];
    for (let i = 0; i < 700; i++) {
      const word = a.random64();
      assert.equal(word, (BigInt(b.random()) << 32n) | BigInt(b.random()));
      assert.equal(c.random53(), Number(word & (2n ** 53n - 1n)) / 2 ** 53);
    }
  });

  test("seeds are taken modulo 2^64, and only their low half matters to the numbers", () => {
    assert.equal(new Mt19937(-1).initialSeed, 2n ** 64n - 1n);
    assert.equal(new Mt19937(2n ** 32n).random(), new Mt19937(0).random());
    assert.throws(() => new Mt19937(2n ** 64n), RuntimeError);
    assert.throws(() => new Mt19937(-(2n ** 63n) - 1n), RuntimeError);
    assert.throws(() => new Mt19937(0.5));
  });

  test("a state restores every position in a block, and the cached normals", () => {
    for (const drawn of [0, 1, 2, 623, 624, 625, 1248]) {
      const gen = new Mt19937(4);
      for (let i = 0; i < drawn; i++) gen.random();
      gen.nextDoubleNormal = drawn / 3;
      gen.nextFloatNormal = drawn / 2;
      const state = gen.getState();
      assert.equal(state.length, stateSize);
      const other = new Mt19937(5);
      other.setState(state);
      assert.deepEqual(other.getState(), state);
      assert.equal(other.nextDoubleNormal, drawn / 3);
      for (let i = 0; i < 1300; i++) assert.equal(other.random(), gen.random(), `${drawn} + ${i}`);
    }
  });

  test("a state of another size or nonsense is refused and changes nothing", () => {
    const gen = new Mt19937(4);
    const before = gen.getState();
    assert.throws(() => gen.setState(new Uint8Array(8)), /size 5056 but found .* 8/);
    assert.throws(() => gen.setState(new Uint8Array(stateSize)), /Invalid mt19937 state/);
    assert.deepEqual(gen.getState(), before);
  });

  test("a clone goes its own way", () => {
    const gen = new Mt19937(1);
    gen.random();
    const copy = gen.clone();
    const expected = copy.random();
    copy.random();
    assert.equal(gen.random(), expected);
    assert.equal(copy.initialSeed, 1n);
  });
});
