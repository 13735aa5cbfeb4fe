import assert from "node:assert/strict";
import { test } from "node:test";
import { erf, erfc, erfcx, erfinv } from "../../../runtime/engine/kernels/normal.js";

/** x, erf(x), erfc(x): the Taylor series in 400 decimal digits, rounded once. */
const values = [
  [0.01, 0.011283415555849618, 0.9887165844441503],
  [0.1, 0.1124629160182849, 0.887537083981715],
  [0.3, 0.3286267594591274, 0.6713732405408726],
  [0.49, 0.511668261188523, 0.4883317388114769],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [0.51, 0.5292436198411704, 0.4707563801588296],
  [0.75, 0.7111556336535151, 0.28884436634648486],
  [1.0, 0.8427007929497149, 0.15729920705028513],
  [1.1, 0.8802050695740817, 0.11979493042591827],
  [1.5, 0.9661051464753108, 0.033894853524689274],
  [1.9, 0.9927904292352575, 0.0072095707647425325],
  [1.99, 0.995111413199617, 0.004888586800383003],
  [2.0, 0.9953222650189527, 0.004677734981047266],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [3.0, 0.9999779095030014, 2.209049699858544e-5],
  [5.0, 0.9999999999984626, 1.537459794428035e-12],
  [6.5, 1.0, 3.8421483271206475e-20],
  [10.0, 1.0, 2.088487583762545e-45],
  [15.0, 1.0, 7.212994172451207e-100],
] as const;

function assertClose(actual: number, wanted: number, relative: number, what: string): void {
  assert.ok(Math.abs(actual - wanted) <= relative * Math.abs(wanted), `${what}: ${actual}, wanted ${wanted}`);
}

test("erf, erfc and erfcx are good to a few units in the last place", () => {
  for (const [x, e, c] of values) {
    assertClose(erf(x), e, 5e-16, `erf(${x})`);
    assertClose(erf(-x), -e, 5e-16, `erf(${-x})`);
    assertClose(erfc(x), c, 1e-15, `erfc(${x})`);
    assertClose(erfc(-x), 1 + e, 5e-16, `erfc(${-x})`);
    // Where e^(x²) itself is exact enough to compare with.
    if (x <= 2) assertClose(erfcx(x), Math.exp(x * x) * c, 3e-15, `erfcx(${x})`);
  }
});

test("erfinv undoes erf", () => {
  for (let i = 1; i < 2000; i++) assertClose(erf(erfinv(i / 2000)), i / 2000, 5e-16, `${i}/2000`);
});

test("at the edges", () => {
  assert.deepEqual([erf(Infinity), erf(-Infinity), erf(-0), erf(NaN)], [1, -1, -0, NaN]);
  assert.deepEqual([erfc(Infinity), erfc(-Infinity), erfc(NaN)], [0, 2, NaN]);
  assert.deepEqual([erfcx(Infinity), erfcx(-Infinity), erfcx(NaN)], [0, Infinity, NaN]);
  assert.deepEqual([erfinv(1), erfinv(-1), erfinv(1.5)], [Infinity, -Infinity, NaN]);
  assertClose(erf(1e-300), 1.1283791670955126e-300, 5e-16, "erf(1e-300)");
});
