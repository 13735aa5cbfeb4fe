/**
 * Arithmetic that has to agree with compiled C to the last bit: fused multiply-add, and log, sin and cos rounded almost
 * always correctly (`Math`'s may be off by one unit, which would show in the cached normal of a saved generator state).
 */

const splitter = 134217729; // 2^27 + 1, Veltkamp's splitting

/** The rounding error of the product `p = a * b`. */
function productError(a: number, b: number, p: number): number {
  const ca = splitter * a;
  const ah = ca - (ca - a);
  const al = a - ah;
  const cb = splitter * b;
  const bh = cb - (cb - b);
  const bl = b - bh;
  return al * bl - (p - ah * bh - al * bh - ah * bl);
}

/** The rounding error of the sum `s = a + b`. */
function sumError(a: number, b: number, s: number): number {
  const bb = s - a;
  return a - (s - bb) + (b - bb);
}

const oddFloat = new Float64Array(1);
const oddWords = new Int32Array(oddFloat.buffer);

/** `a + b` rounded to odd, which survives a second rounding. */
function sumToOdd(a: number, b: number): number {
  const s = a + b;
  const error = sumError(a, b, s);
  if (error === 0) return s;
  oddFloat[0] = s;
  if ((oddWords[0]! & 1) === 0) {
    // One step towards the exact sum makes the last bit odd.
    const away = error > 0 === s > 0;
    const bits = (BigInt(oddWords[1]! >>> 0) << 32n) | BigInt(oddWords[0]! >>> 0);
    const moved = away ? bits + 1n : bits - 1n;
    oddWords[0] = Number(moved & 0xffffffffn);
    oddWords[1] = Number(moved >> 32n);
  }
  return oddFloat[0];
}

/** `a * b + c` in float64 with one rounding (Boldo and Melquiond), where nothing overflows or underflows. */
export function fma(a: number, b: number, c: number): number {
  const uh = a * b;
  if (!Number.isFinite(uh) || !Number.isFinite(c)) return uh + c;
  const ul = productError(a, b, uh);
  const th = c + ul;
  const tl = sumError(c, ul, th);
  const vh = uh + th;
  const vl = sumError(uh, th, vh);
  return vh + sumToOdd(tl, vl);
}

/** `a * b + c` of float32 values with one rounding to float32. */
export function fmaFloat32(a: number, b: number, c: number): number {
  const p = a * b; // exact: 48 bits
  const s = p + c;
  const nearest = Math.fround(s);
  const rest = s - nearest;
  if (rest !== 0) {
    // Rounding twice goes wrong only where the float64 sum is inexact and lies half-way between two float32.
    const other = nearest + 2 * rest;
    if (Math.fround(other) === other) {
      const error = sumError(p, c, s);
      if (error !== 0) return error > 0 === other > nearest ? other : nearest;
    }
  }
  return nearest;
}

const ln2High = 0.6931471805599453;
const ln2Low = 2.3190468138462996e-17;
const third = 1 / 3;
const thirdLow = 1.850371707708594e-17;
const fifth = 0.2;
const fifthLow = -1.1102230246251566e-17;

/** Natural logarithm of a positive, normal number. log(2^e m) = e ln 2 + 2 atanh((m - 1) / (m + 1)). */
export function log(x: number): number {
  if (!(x >= 2.2250738585072014e-308) || x === Infinity) return Math.log(x);
  oddFloat[0] = x;
  let e = ((oddWords[1]! >>> 20) & 0x7ff) - 1023;
  oddWords[1] = (oddWords[1]! & 0xfffff) | 0x3ff00000;
  let mantissa = oddFloat[0];
  if (mantissa > Math.SQRT2) {
    mantissa *= 0.5;
    e++;
  }
  const numerator = mantissa - 1;
  const den = mantissa + 1;
  const denLow = sumError(mantissa, 1, den);
  const s = numerator / den;
  const sd = s * den;
  const sLow = (numerator - sd - productError(s, den, sd) - s * denLow) / den;

  const z = s * s;
  const zLow = productError(s, s, z) + 2 * s * sLow;
  let tail = 0;
  for (let k = 33; k >= 7; k -= 2) tail = tail * z + 1 / k;

  const p5 = z * tail;
  const a5 = fifth + p5;
  const a5Low = fifth - a5 + p5 + productError(z, tail, p5) + zLow * tail + fifthLow;
  const p3 = z * a5;
  const a3 = third + p3;
  const a3Low = third - a3 + p3 + productError(z, a5, p3) + zLow * a5 + z * a5Low + thirdLow;
  const p1 = z * a3;
  const p1Low = productError(z, a3, p1) + zLow * a3 + z * a3Low;
  const t = s * p1;
  const tLow = productError(s, p1, t) + s * p1Low + sLow * p1;

  // 2 (s + t) + e ln 2
  const series = 2 * (s + t);
  const seriesLow = 2 * (sumError(s, t, s + t) + sLow + tLow);
  const scaled = e * ln2High;
  const sum = scaled + series;
  return sum + (sumError(scaled, series, sum) + productError(e, ln2High, scaled) + e * ln2Low + seriesLow);
}

const halfPi = [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33] as const;
const sixth = -1 / 6;
const sixthLow = -9.25185853854297e-18;
const cubic = 1 / 120;
const cubicLow = 1.1564823173178714e-19;
const quartic = 1 / 24;
const quarticLow = 2.3129646346357427e-18;
/** Taylor coefficients 1/7!, 1/9! … of sine and 1/6!, 1/8! … of cosine, signs included, highest power first. */
const sineTail = [23, 21, 19, 17, 15, 13, 11, 9, 7].map((k) => ((k & 2) === 0 ? 1 : -1) / factorial(k));
const cosineTail = [24, 22, 20, 18, 16, 14, 12, 10, 8, 6].map((k) => ((k & 2) === 0 ? 1 : -1) / factorial(k));

function factorial(k: number): number {
  let product = 1;
  for (let i = 2; i <= k; i++) product *= i;
  return product;
}

/** Sine and cosine of an angle in [0, 2 pi], into `out[0]` and `out[1]`. */
export function sincos(angle: number, out: Float64Array): void {
  const k = Math.round(angle / halfPi[0]);
  const kp = k * halfPi[0];
  const d = angle - kp;
  const dLow = -productError(k, halfPi[0], kp);
  const k2 = k * halfPi[1];
  const r0 = d - k2;
  const r0Low = sumError(d, -k2, r0) - productError(k, halfPi[1], k2) + dLow - k * halfPi[2];
  const r = r0 + r0Low;
  const rLow = r0 - r + r0Low;

  const z = r * r;
  const zLow = productError(r, r, z) + 2 * r * rLow;

  // sin r = r + r z (-1/6 + z (1/120 + z tail))
  let tail = 0;
  for (let i = 0; i < sineTail.length; i++) tail = tail * z + sineTail[i]!;
  const q = z * tail;
  const b = cubic + q;
  const bLow = cubic - b + q + productError(z, tail, q) + cubicLow + zLow * tail;
  const zb = z * b;
  const a = sixth + zb;
  const aLow = sixth - a + zb + productError(z, b, zb) + z * bLow + zLow * b + sixthLow;
  const za = z * a;
  const zaLow = productError(z, a, za) + z * aLow + zLow * a;
  const rza = r * za;
  const rzaLow = productError(r, za, rza) + r * zaLow + rLow * za;
  const sineHigh = r + rza;
  const sineResult = sineHigh + (sumError(r, rza, sineHigh) + rLow + rzaLow);

  // cos r = 1 - z/2 + z^2 (1/24 + z tail)
  tail = 0;
  for (let i = 0; i < cosineTail.length; i++) tail = tail * z + cosineTail[i]!;
  const cq = z * tail;
  const cb = quartic + cq;
  const cbLow = quartic - cb + cq + productError(z, tail, cq) + quarticLow + zLow * tail;
  const zz = z * cb;
  const zzLow = productError(z, cb, zz) + z * cbLow + zLow * cb;
  const inner = -0.5 + zz;
  const innerLow = sumError(-0.5, zz, inner) + zzLow;
  const zi = z * inner;
  const ziLow = productError(z, inner, zi) + z * innerLow + zLow * inner;
  const cosineHigh = 1 + zi;
  const cosineResult = cosineHigh + (sumError(1, zi, cosineHigh) + ziLow);

  const quadrant = k & 3;
  out[0] =
    quadrant === 0
      ? sineResult
      : quadrant === 1
        ? cosineResult
        : quadrant === 2
          ? -sineResult
          : -cosineResult;
  out[1] =
    quadrant === 0
      ? cosineResult
      : quadrant === 1
        ? -sineResult
        : quadrant === 2
          ? -cosineResult
          : sineResult;
}

/** log(k!), by Stirling's series from 20 on. */
export function logFactorial(k: number): number {
  if (k < 20) return Math.log(factorial(k));
  const x = k + 1;
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.9189385332046728 + series;
}

/** The error function: 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, all terms of one sign. */
export function erf(x: number): number {
  const abs = Math.abs(x);
  if (abs > 6) return Math.sign(x);
  const xx = 2 * x * x;
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= xx / k;
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
