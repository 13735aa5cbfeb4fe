import type { Vector } from "./vectors.js";

/** The function along a line: its value, gradient, and slope in the direction of the line. */
export interface Point {
  readonly loss: number;
  readonly grad: Vector;
  readonly slope: number;
}

type Placed = Point & { readonly t: number };

/** Where the cubic through two points with their slopes is least, kept in bounds; the middle where it has no minimum. */
function cubicMinimum(
  a: Placed,
  b: Placed,
  r: (x: number) => number,
  bounds?: readonly [number, number],
): number {
  const [least, most] = bounds ?? (a.t <= b.t ? [a.t, b.t] : [b.t, a.t]);
  const d1 = r(r(a.slope + b.slope) - r((3 * (a.loss - b.loss)) / r(a.t - b.t)));
  const square = r(r(d1 * d1) - r(a.slope * b.slope));
  if (!(square >= 0)) return r((least + most) / 2);
  const d2 = r(Math.sqrt(square));
  const [near, far] = a.t <= b.t ? [a, b] : [b, a];
  const part = r(r(r(far.slope + d2) - d1) / r(r(far.slope - near.slope) + r(2 * d2)));
  const t = r(far.t - r(r(far.t - near.t) * part));
  return Math.min(Math.max(t, least), most);
}

const c1 = 1e-4;
const c2 = 0.9;
const maxIterations = 25;
const toleranceChange = 1e-9;

/**
 * A step length that satisfies the strong Wolfe conditions: bracketing, then zooming in with cubic interpolation.
 * Nocedal & Wright, Numerical Optimization, algorithms 3.5 and 3.6, with minFunc's safeguards.
 * @param at evaluates the function at a step length
 * @param first the step length to try first
 * @param norm the direction's largest component
 * @param round rounds to the parameters' precision
 */
export function strongWolfe(
  at: (t: number) => Point,
  first: number,
  origin: Point,
  norm: number,
  round: (x: number) => number,
): Point & { readonly t: number } {
  const place = (t: number): Placed => ({ ...at(t), t });
  const tooHigh = (p: Placed): boolean => p.loss > origin.loss + c1 * p.t * origin.slope;
  const flatEnough = (p: Placed): boolean => Math.abs(p.slope) <= -c2 * origin.slope;
  let previous: Placed = { ...origin, t: 0 };
  let now = place(first);
  let iteration = 0;
  let bracket: [Placed, Placed] | undefined;
  while (iteration < maxIterations) {
    if (tooHigh(now) || (iteration > 1 && now.loss >= previous.loss)) {
      bracket = [previous, now];
      break;
    }
    if (flatEnough(now)) return now;
    if (now.slope >= 0) {
      bracket = [previous, now];
      break;
    }
    const next = cubicMinimum(previous, now, round, [now.t + 0.01 * (now.t - previous.t), now.t * 10]);
    previous = now;
    now = place(next);
    iteration++;
  }
  bracket ??= [{ ...origin, t: 0 }, now];
  let low = bracket[0].loss <= bracket[1].loss ? 0 : 1;
  let insufficient = false;
  while (iteration < maxIterations) {
    const [a, b] = bracket;
    if (Math.abs(b.t - a.t) * norm < toleranceChange) break;
    let t = cubicMinimum(a, b, round);
    // Near the border a second time in a row: a tenth of the bracket away from it, so that there is progress.
    const [least, most] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
    const margin = 0.1 * (most - least);
    const near = Math.min(most - t, t - least) < margin;
    const push: boolean = near && (insufficient || t >= most || t <= least);
    if (push) t = Math.abs(t - most) < Math.abs(t - least) ? most - margin : least + margin;
    insufficient = near && !push;
    const trial = place(t);
    iteration++;
    const high = 1 - low;
    if (tooHigh(trial) || trial.loss >= bracket[low]!.loss) {
      bracket[high] = trial;
      low = bracket[0].loss <= bracket[1].loss ? 0 : 1;
      continue;
    }
    const done = flatEnough(trial);
    if (!done && trial.slope * (bracket[high]!.t - bracket[low]!.t) >= 0) bracket[high] = bracket[low]!;
    bracket[low] = trial;
    if (done) break;
  }
  return bracket[low]!;
}
