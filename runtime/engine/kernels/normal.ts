/** Functions of the normal distribution, to within a few units in the last place of double precision. */

const SQRT_PI = Math.sqrt(Math.PI);

/** eˣ² erfc(x), by the continued fraction 1/(x + ½/(x + 1/(x + 3/2 …))) / √π. */
function scaledTail(x: number, terms: number): number {
  let fraction = x;
  for (let k = terms; k > 0; k--) fraction = x + k / 2 / fraction;
  return 1 / (fraction * SQRT_PI);
}

/** exp(±x²). The square of a float32 is exact, so that the rounding of x² is not magnified. */
function expSquare(x: number, sign: 1 | -1): number {
  const high = Math.fround(x);
  return Math.exp(sign * high * high) * Math.exp(sign * (x - high) * (x + high));
}

/** erfc(c) and -erfc'(c) at c = k/8, from ½ to 2. */
const knots = Array.from({ length: 17 }, (_, k) => {
  const c = k / 8;
  // Fewer terms settle the fraction for larger c; below ½ it is not used.
  const value = k < 4 ? NaN : scaledTail(c, 4000) * Math.exp(-c * c);
  return { c, value, slope: (2 / SQRT_PI) * Math.exp(-c * c) };
});

/** erfc(x) for ½ ≤ x < 2: erfc(c) + erfc'(c) ∫₀ʰ e^(-2ct - t²) dt, by the integrand's Taylor series. */
function nearKnot(x: number): number {
  const { c, value, slope } = knots[Math.round(x * 8)]!;
  const h = x - c;
  let before = 0;
  let a = 1;
  let power = h;
  let integral = 0;
  for (let n = 1; n <= 15; n++) {
    integral += (a * power) / n;
    // a[n] = -2 (c a[n-1] + a[n-2]) / n
    [before, a] = [a, (-2 * (c * a + before)) / n];
    power *= h;
  }
  return value - slope * integral;
}

/** erf(x) for |x| < ½: 2/√π Σ (-1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)). */
function centre(x: number): number {
  const square = x * x;
  let factor = 1;
  let rest = 0;
  for (let n = 1; n <= 12; n++) {
    factor *= -square / n;
    rest += factor / (2 * n + 1);
  }
  return (2 / SQRT_PI) * (x + x * rest);
}

/** The error function. */
export function erf(x: number): number {
  const abs = Math.abs(x);
  if (abs < 0.5) return centre(x);
  return Math.sign(x) * (1 - erfc(abs));
}

/** 1 - erf(x), without cancellation for large x. */
export function erfc(x: number): number {
  if (x < 0.5) return x < -0.5 ? 2 - erfc(-x) : 1 - centre(x);
  if (x < 2) return nearKnot(x);
  if (x > 28) return 0;
  return expSquare(x, -1) * scaledTail(x, x > 6 ? 30 : 120);
}

/** eˣ² erfc(x). */
export function erfcx(x: number): number {
  if (x < -27) return Infinity;
  if (x < 2) return expSquare(x, 1) * erfc(x);
  return x > 1e150 ? 0 : scaledTail(x, x > 6 ? 30 : 120);
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
