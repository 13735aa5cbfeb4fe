/** Draws digits by hand, so to speak: strokes bent, slanted and scaled at random, with a soft round pen. */
import { glyphs, type Glyph, type Point } from "./glyphs.js";

/** Side of a picture in pixels. */
export const side = 28;

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** SplitMix32: one stream per seed, and seeds next to each other have nothing in common. */
export function splitMix(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

const between = (random: Random, low: number, high: number): number => low + (high - low) * random();

/** A bell of variance 1 that ends at ±3: the sum of twelve uniform numbers would be slower and no rounder to the eye. */
const bell = (random: Random): number => 2 * (random() + random() + random() - 1.5);

/** The curve through the points (a Catmull-Rom spline), in steps of about `step`. */
function smooth(points: readonly Point[], step: number): Point[] {
  const curve: Point[] = [points[0]!];
  for (let i = 0; i + 1 < points.length; i++) {
    const p1 = points[i]!;
    const p2 = points[i + 1]!;
    const length = Math.sqrt((p2[0] - p1[0]) ** 2 + (p2[1] - p1[1]) ** 2);
    if (length === 0) continue;
    const same = (a: Point, b: Point): boolean => a[0] === b[0] && a[1] === b[1];
    // At a corner (a point given twice) and at the ends, the curve leaves straight.
    const before = points[i - 1];
    const after = points[i + 2];
    const p0 = before === undefined || same(before, p1) ? p1 : before;
    const p3 = after === undefined || same(after, p2) ? p2 : after;
    const n = Math.max(1, Math.ceil(length / step));
    for (let k = 1; k <= n; k++) {
      const t = k / n;
      const at = (axis: 0 | 1): number => {
        const [a, b, c, d] = [p0[axis], p1[axis], p2[axis], p3[axis]];
        return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
      };
      curve.push([at(0), at(1)]);
    }
  }
  return curve;
}

/** The glyph in pixels: every point a little off, the whole scaled, slanted, turned, and put about the middle. */
function place(glyph: Glyph, random: Random, narrow: boolean): Point[][] {
  const height = between(random, 15.5, 21);
  const width = height * (narrow ? between(random, 0.3, 0.6) : between(random, 0.5, 0.9));
  const slant = 0.14 + 0.16 * bell(random);
  const turn = 0.1 * bell(random);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const strokes = glyph.map((stroke) => {
    const bent: Point[] = [];
    stroke.forEach(([x, y], i) => {
      const last = stroke[i - 1];
      // Both halves of a corner stay one point.
      if (last !== undefined && last[0] === x && last[1] === y) return void bent.push(bent[i - 1]!);
      const u = (x - 0.5 + 0.03 * bell(random)) * width - (y - 0.5) * slant * height;
      const v = (y - 0.5 + 0.03 * bell(random)) * height;
      bent.push([u * cos - v * sin, u * sin + v * cos]);
    });
    return smooth(bent, 0.7);
  });
  const all = strokes.flat();
  const middle = (axis: 0 | 1): number => {
    const values = all.map((p) => p[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  };
  const dx = (side - 1) / 2 - middle(0) + 0.9 * bell(random);
  const dy = (side - 1) / 2 - middle(1) + 0.9 * bell(random);
  return strokes.map((stroke) => stroke.map(([x, y]) => [x + dx, y + dy]));
}

/** Lays ink: each pixel is as dark as the pen comes near its centre. */
function ink(strokes: readonly (readonly Point[])[], random: Random): Float64Array {
  const pixels = new Float64Array(side * side);
  const radius = between(random, 0.75, 1.7);
  const pressure = between(random, 0, 0.25);
  const phase = between(random, 0, 6.28);
  for (const stroke of strokes) {
    for (let i = 0; i < Math.max(1, stroke.length - 1); i++) {
      const [ax, ay] = stroke[i]!;
      const [bx, by] = stroke[i + 1] ?? stroke[i]!;
      const r = radius * (1 + pressure * Math.sin(phase + i * 0.25));
      const reach = r + 0.6;
      const [dx, dy] = [bx - ax, by - ay];
      const square = dx * dx + dy * dy;
      const top = Math.max(0, Math.ceil(Math.min(ay, by) - reach));
      const bottom = Math.min(side - 1, Math.floor(Math.max(ay, by) + reach));
      const left = Math.max(0, Math.ceil(Math.min(ax, bx) - reach));
      const right = Math.min(side - 1, Math.floor(Math.max(ax, bx) + reach));
      for (let y = top; y <= bottom; y++) {
        for (let x = left; x <= right; x++) {
          const along = square === 0 ? 0 : ((x - ax) * dx + (y - ay) * dy) / square;
          const t = Math.min(1, Math.max(0, along));
          const distance = Math.sqrt((ax + t * dx - x) ** 2 + (ay + t * dy - y) ** 2);
          const covered = Math.min(1, Math.max(0, (reach - distance) / 1.2));
          if (covered > pixels[y * side + x]!) pixels[y * side + x] = covered;
        }
      }
    }
  }
  return pixels;
}

/** A picture of the digit, white (255) on black (0) as MNIST has it, row by row. */
export function drawDigit(digit: number, random: Random): Uint8Array<ArrayBuffer> {
  const ways = glyphs[digit]!;
  const glyph = ways[Math.floor(random() * ways.length)]!;
  const pixels = ink(place(glyph, random, digit === 1), random);
  const bright = between(random, 0.8, 1);
  const grain = between(random, 0, 0.07);
  return Uint8Array.from(pixels, (covered) =>
    Math.min(
      255,
      Math.max(0, Math.round(255 * (covered * bright + (covered > 0 ? grain * bell(random) : 0)))),
    ),
  );
}
