/** Arithmetic on pictures, as PIL does it: eight bits in, eight bits out, halves rounded up. */
import { Image } from "../image.js";

/** How pixels between pixels are made up. */
export type Interpolation = "nearest" | "bilinear" | "bicubic";

const round = (value: number): number => Math.min(255, Math.max(0, Math.floor(value + 0.5)));

/** A picture of the same kind and another size. */
function like(image: Image, width: number, height: number, fill = 0): Image {
  const data = new Uint8Array(width * height * image.channels);
  if (fill !== 0) data.fill(fill);
  return new Image(data, width, height, image.mode);
}

/** A part of a picture; what lies outside is `fill`. */
export function crop(
  image: Image,
  top: number,
  left: number,
  height: number,
  width: number,
  fill = 0,
): Image {
  const out = like(image, width, height, fill);
  const { channels } = image;
  const x0 = Math.max(0, left);
  const x1 = Math.min(image.width, left + width);
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height) && x0 < x1; y++) {
    const from = (y * image.width + x0) * channels;
    const to = ((y - top) * width + x0 - left) * channels;
    out.data.set(image.data.subarray(from, from + (x1 - x0) * channels), to);
  }
  return out;
}

export function flip(image: Image, horizontally: boolean): Image {
  const { width, height, channels } = image;
  const out = like(image, width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = horizontally ? y * width + (width - 1 - x) : (height - 1 - y) * width + x;
      for (let c = 0; c < channels; c++) {
        out.data[(y * width + x) * channels + c] = image.data[from * channels + c]!;
      }
    }
  }
  return out;
}

/** Filters by distance, and how far they reach. */
const filters = {
  bilinear: { reach: 1, weight: (x: number): number => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    reach: 2,
    // Keys' kernel with a = −1/2, which is PIL's.
    weight(x: number): number {
      const t = Math.abs(x);
      if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
      return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
    },
  },
} as const;

interface Taps {
  readonly start: number;
  readonly weights: readonly number[];
}

/** Which pixels make up each new one along an axis; the filter widens when the axis shrinks. */
function tapsOf(from: number, to: number, interpolation: Interpolation): Taps[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    if (interpolation === "nearest") return { start: Math.min(from - 1, Math.floor(centre)), weights: [1] };
    const { reach, weight } = filters[interpolation];
    const stretch = Math.max(1, scale);
    const start = Math.max(0, Math.floor(centre - reach * stretch + 0.5));
    const end = Math.min(from, Math.floor(centre + reach * stretch + 0.5));
    const weights = Array.from({ length: end - start }, (_, k) =>
      weight((start + k - centre + 0.5) / stretch),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { start, weights: weights.map((w) => w / sum) };
  });
}

/** A picture in another size, along the rows first, then along the columns. */
export function resize(image: Image, height: number, width: number, interpolation: Interpolation): Image {
  const { channels } = image;
  const middle = like(image, width, image.height);
  tapsOf(image.width, width, interpolation).forEach(({ start, weights }, x) => {
    for (let y = 0; y < image.height; y++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        weights.forEach((w, k) => (sum += w * image.data[(y * image.width + start + k) * channels + c]!));
        middle.data[(y * width + x) * channels + c] = round(sum);
      }
    }
  });
  const out = like(image, width, height);
  const row = width * channels;
  tapsOf(image.height, height, interpolation).forEach(({ start, weights }, y) => {
    for (let i = 0; i < row; i++) {
      let sum = 0;
      weights.forEach((w, k) => (sum += w * middle.data[(start + k) * row + i]!));
      out.data[y * row + i] = round(sum);
    }
  });
  return out;
}

/** From a place in the new picture to one in the old: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** A picture seen through a matrix. Outside it there is `fill`. */
export function affine(image: Image, matrix: Matrix, interpolation: Interpolation, fill = 0): Image {
  const { width, height, channels, data } = image;
  const out = like(image, width, height, fill);
  const [a, b, c, d, e, f] = matrix;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Centres of pixels go to centres of pixels.
      const u = a * (x + 0.5) + b * (y + 0.5) + c;
      const v = d * (x + 0.5) + e * (y + 0.5) + f;
      if (u < 0 || v < 0 || u >= width || v >= height) continue;
      const to = (y * width + x) * channels;
      if (interpolation === "nearest") {
        const from = (Math.floor(v) * width + Math.floor(u)) * channels;
        for (let k = 0; k < channels; k++) out.data[to + k] = data[from + k]!;
        continue;
      }
      const x0 = Math.floor(u - 0.5);
      const y0 = Math.floor(v - 0.5);
      const [tx, ty] = [u - 0.5 - x0, v - 0.5 - y0];
      const at = (yy: number, xx: number, k: number): number =>
        data[
          (Math.min(height - 1, Math.max(0, yy)) * width + Math.min(width - 1, Math.max(0, xx))) * channels +
            k
        ]!;
      for (let k = 0; k < channels; k++) {
        const top = at(y0, x0, k) * (1 - tx) + at(y0, x0 + 1, k) * tx;
        const bottom = at(y0 + 1, x0, k) * (1 - tx) + at(y0 + 1, x0 + 1, k) * tx;
        out.data[to + k] = round(top * (1 - ty) + bottom * ty);
      }
    }
  }
  return out;
}

/** ITU-R 601-2 luma, in PIL's fixed point. */
const luma = (r: number, g: number, b: number): number => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

/** The colours of a pixel; opacity stays out of it. */
const colours = (image: Image): 1 | 3 => (image.channels === 1 ? 1 : 3);

export function grey(image: Image): Image {
  if (image.mode === "L") return image;
  const { width, height, channels, data } = image;
  const out = new Uint8Array(width * height);
  for (let i = 0; i < out.length; i++) {
    out[i] = luma(data[i * channels]!, data[i * channels + 1]!, data[i * channels + 2]!);
  }
  return new Image(out, width, height);
}

/** A picture in three channels, or without its opacity. */
export function rgb(image: Image): Image {
  if (image.mode === "RGB") return image;
  const { width, height, channels, data } = image;
  const out = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out[3 * i + c] = data[i * channels + (channels === 1 ? 0 : c)]!;
  }
  return new Image(out, width, height, "RGB");
}

/** Each colour pulled towards another picture's: 0 is the other, 1 the picture itself, more goes beyond. */
function blend(image: Image, other: (pixel: number, channel: number) => number, factor: number): Image {
  const { channels, data } = image;
  const out = like(image, image.width, image.height);
  out.data.set(data);
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < colours(image); c++) {
      const base = other(i / channels, c);
      out.data[i + c] = Math.min(255, Math.max(0, Math.trunc(base + factor * (data[i + c]! - base))));
    }
  }
  return out;
}

/** Every colour by itself. */
export function mapColours(image: Image, to: (value: number) => number): Image {
  const { channels, data } = image;
  const out = like(image, image.width, image.height);
  out.data.set(data);
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < colours(image); c++) out.data[i + c] = to(data[i + c]!);
  }
  return out;
}

export function brighten(image: Image, factor: number): Image {
  return blend(image, () => 0, factor);
}

export function contrast(image: Image, factor: number): Image {
  const { data } = grey(image);
  const mean = Math.floor(data.reduce((a, b) => a + b, 0) / data.length + 0.5);
  return blend(image, () => mean, factor);
}

export function saturate(image: Image, factor: number): Image {
  const { data } = grey(image);
  return blend(image, (pixel) => data[pixel]!, factor);
}

/** Turns the hues by a part of the whole circle. */
export function turnHue(image: Image, by: number): Image {
  if (image.mode === "L") return image;
  const { channels, data } = image;
  const out = like(image, image.width, image.height);
  out.data.set(data);
  for (let i = 0; i < data.length; i += channels) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    const high = Math.max(r, g, b);
    const range = high - Math.min(r, g, b);
    if (range === 0) continue;
    const sixth =
      high === r ? ((g - b) / range + 6) % 6 : high === g ? (b - r) / range + 2 : (r - g) / range + 4;
    const hue = (((sixth / 6 + by) % 1) + 1) % 1;
    // The share of each colour by its distance on the circle.
    [5, 3, 1].forEach((n, c) => {
      const k = (n + hue * 6) % 6;
      out.data[i + c] = round(high - range * Math.max(0, Math.min(k, 4 - k, 1)));
    });
  }
  return out;
}

/** Smooths with a bell of `sigma`, over `size` pixels each way; the edge is mirrored. */
export function blur(image: Image, size: number, sigma: number): Image {
  const half = (size - 1) / 2;
  const bell = Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - half) / sigma) ** 2));
  const sum = bell.reduce((a, b) => a + b, 0);
  const mirrored = (i: number, n: number): number => {
    const period = Math.max(1, 2 * (n - 1));
    const k = ((i % period) + period) % period;
    return n === 1 ? 0 : k < n ? k : period - k;
  };
  const { width, height, channels } = image;
  const rows = new Float64Array(image.data.length);
  const out = like(image, width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let total = 0;
        bell.forEach((w, k) => {
          total += w * image.data[(y * width + mirrored(x + k - half, width)) * channels + c]!;
        });
        rows[(y * width + x) * channels + c] = total / sum;
      }
    }
  }
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < width * channels; i++) {
      let total = 0;
      bell.forEach((w, k) => (total += w * rows[mirrored(y + k - half, height) * width * channels + i]!));
      out.data[y * width * channels + i] = round(total / sum);
    }
  }
  return out;
}
