import { AssertionError, ValueError } from "../../errors.js";
import type { EncodedImage } from "../../events/event.js";
import type { Tensor } from "../../tensor/tensor.js";
import { encodePng } from "../png.js";
import { numbersOf } from "./numbers.js";

/** A picture's numbers in [0, 255], rows from the top, the channels of a pixel side by side. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Pictures side by side, eight in a row unless said, `[N, C, H, W]` to `[C, rows · H, columns · W]`. */
function grid(
  values: Float64Array,
  [n, c, h, w]: readonly number[],
  columns: number,
): [Float64Array, number[]] {
  const [N, C, H, W] = [n!, c!, h!, w!];
  const across = Math.min(N, columns);
  const down = Math.ceil(N / across);
  const [height, width] = [H * down, W * across];
  const out = new Float64Array(C * height * width);
  for (let i = 0; i < N; i++) {
    const [top, left] = [Math.floor(i / across) * H, (i % across) * W];
    for (let row = 0; row < C * H; row++) {
      const channel = Math.floor(row / H);
      const from = (i * C * H + row) * W;
      out.set(values.subarray(from, from + W), (channel * height + top + (row % H)) * width + left);
    }
  }
  return [out, [C, height, width]];
}

function permuted(values: Float64Array, shape: readonly number[], order: readonly number[]): Float64Array {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const to = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const out = new Float64Array(values.length);
  const at = new Array<number>(to.length).fill(0);
  let from = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = values[from]!;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < to[axis]!) break;
      from -= steps[axis]! * to[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}

/**
 * A tensor as a picture. `format` names its dimensions: `CHW`, `HWC`, `HW`, `WH`, and with `N` for several, which go in
 * a grid. Bytes are taken as they are, other numbers are times 255.
 * @throws AssertionError when format and shape do not fit.
 */
export function toPixels(image: Tensor, format: string, columns = 8): Pixels {
  const axes = format.toUpperCase();
  const shape = image.shape;
  if (
    new Set(axes).size !== axes.length ||
    !/^[NCHW]+$/.test(axes) ||
    !axes.includes("H") ||
    !axes.includes("W")
  ) {
    throw new AssertionError(
      `dataformats "${format}" must name each dimension once: C, H, W, and N for several`,
    );
  }
  if (shape.length !== axes.length) {
    throw new AssertionError(
      `size of input tensor and input format are different: [${shape.join(", ")}] and "${format}"`,
    );
  }
  if (image.numel() === 0) throw new ValueError("a picture without pixels cannot be shown");
  const order = [..."NCHW"].filter((a) => axes.includes(a)).map((a) => axes.indexOf(a));
  let values = permuted(numbersOf(image), shape, order);
  const size = (axis: string): number => (axes.includes(axis) ? shape[axes.indexOf(axis)]! : 1);
  let [channels, height, width] = [size("C"), size("H"), size("W")];
  if (axes.includes("N")) {
    const [joined, all] = grid(values, [size("N"), channels, height, width], columns);
    values = joined;
    [channels, height, width] = all as [number, number, number];
  }
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new AssertionError(`a picture has 1, 3 or 4 channels, not ${String(channels)}`);
  }
  const scale = image.dtype.name === "uint8" ? 1 : 255;
  const data = new Uint8ClampedArray(values.length);
  const plane = height * width;
  for (let c = 0; c < channels; c++) {
    // Truncated, as PyTorch's conversion to bytes does.
    for (let i = 0; i < plane; i++) data[i * channels + c] = Math.trunc(values[c * plane + i]! * scale);
  }
  return { data: new Uint8Array(data.buffer), height, width, channels };
}

/** Grey pictures become colour, as PyTorch writes them. */
export function encodeImage(pixels: Pixels): EncodedImage {
  const { height, width } = pixels;
  const channels = pixels.channels === 1 ? 3 : pixels.channels;
  const data =
    pixels.channels === 1
      ? Uint8Array.from({ length: height * width * 3 }, (_, i) => pixels.data[Math.floor(i / 3)]!)
      : pixels.data;
  return { height, width, colorspace: channels, encoded: encodePng(data, width, height, channels) };
}
