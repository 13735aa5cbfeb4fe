/** Functions of the normal distribution in double precision. */
import { erf } from "../../random/accurate.js";

const SQRT_PI = Math.sqrt(Math.PI);

/** eˣ² erfc(x) for x ≥ 2, by the continued fraction 1/(x + ½/(x + 1/(x + 3/2 …))) / √π. */
function scaledTail(x: number): number {
  let fraction = x;
  for (let k = x > 6 ? 30 : 120; k > 0; k--) fraction = x + k / 2 / fraction;
  return 1 / (fraction * SQRT_PI);
}

/** 1 - erf(x), without cancellation for large x. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 2) return 1 - erf(x);
  return x > 28 ? 0 : Math.exp(-x * x) * scaledTail(x);
}

/** eˣ² erfc(x). */
export function erfcx(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 2) return Math.exp(x * x) * (1 - erf(x));
  return x > 1e150 ? 0 : scaledTail(x);
}

/** The inverse of erf: a rough start, then Newton's steps, on the tail where that is small. */
export function erfinv(x: number): number {
  if (!(Math.abs(x) <= 1)) return NaN;
  if (Math.abs(x) === 1) return x * Infinity;
  if (x === 0) return x;
  const tail = 1 - Math.abs(x);
  // Winitzki's approximation.
  const l = Math.log(tail * (2 - tail));
  const c = 2 / (Math.PI * 0.147) + l / 2;
  let y = Math.sqrt(Math.sqrt(c * c - l / 0.147) - c);
  for (let i = 0; i < 4; i++) {
    const error = tail < 0.5 ? tail - erfc(y) : erf(y) - Math.abs(x);
    const step = (error * SQRT_PI * Math.exp(y * y)) / 2;
    // Halley's correction: erf'' = -2y erf'.
    y -= step / (1 + y * step);
    if (Math.abs(step) < 1e-16 * y) break;
  }
  return x < 0 ? -y : y;
}
