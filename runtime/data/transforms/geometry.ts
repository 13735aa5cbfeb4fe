/** Transforms that move pixels. @see https://pytorch.org/vision/stable/transforms.html#geometry */
import { ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import type { Image } from "../image.js";
import { ByChance } from "./byChance.js";
import { affine, crop, flip, resize, type Interpolation, type Matrix } from "./pixels.js";
import { integer, uniform } from "./random.js";
import { Transform } from "./transform.js";

type Size = number | readonly number[];

/** One number for both, or height and width. */
function pair(size: unknown, what: string): [height: number, width: number] {
  const list = Array.isArray(size) ? (size as number[]) : [size as number];
  const ok = (list.length === 1 || list.length === 2) && list.every((n) => Number.isInteger(n) && n > 0);
  if (!ok) throw new ValueError(`${what} takes one positive size, or height and width; got ${String(size)}`);
  return [list[0]!, list.at(-1)!];
}

/** A range; one number `x` stands for −x … x. */
function range(value: unknown, what: string): [number, number] {
  if (typeof value === "number") {
    if (value < 0) throw new ValueError(`if ${what} is a single number, it must be positive`);
    return [-value, value];
  }
  const list = value as number[];
  if (!Array.isArray(list) || list.length !== 2 || list.some((n) => typeof n !== "number")) {
    throw new ValueError(`${what} is a number or two: from and to`);
  }
  return [list[0]!, list[1]!];
}

function interpolationOf(value: string): Interpolation {
  if (value === "nearest" || value === "bilinear" || value === "bicubic") return value;
  throw new ValueError(`interpolation is "nearest", "bilinear" or "bicubic", not ${JSON.stringify(value)}`);
}

export interface InterpolationOption {
  readonly interpolation?: Interpolation;
}

/**
 * Makes the shorter side `size`, or height and width what the two numbers say.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html
 */
export class Resize extends Transform<Image, Image> {
  readonly size: Size;
  readonly interpolation: Interpolation;

  constructor(size: Size, options: InterpolationOption & { readonly maxSize?: number } = {}) {
    super();
    const o = bound("Resize(any size, str interpolation='bilinear', int? max_size=None) -> any", [
      size,
      options,
    ]);
    pair(size, "Resize");
    this.size = size;
    this.interpolation = interpolationOf(o.interpolation);
    this._maxSize = o.maxSize;
  }

  private readonly _maxSize: number | null;

  forward(image: Image): Image {
    const [height, width] = this._target(image);
    return resize(image, height, width, this.interpolation);
  }

  private _target({ width, height }: Image): [number, number] {
    if (Array.isArray(this.size) && this.size.length === 2) return pair(this.size, "Resize");
    const [short] = pair(this.size, "Resize");
    let [small, large] = [short, Math.trunc((short * Math.max(width, height)) / Math.min(width, height))];
    if (this._maxSize !== null && large > this._maxSize) {
      [small, large] = [Math.trunc((this._maxSize * small) / large), this._maxSize];
    }
    return height <= width ? [small, large] : [large, small];
  }
}

/**
 * The middle of a picture; where it is smaller, zeros around it.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.CenterCrop.html
 */
export class CenterCrop extends Transform<Image, Image> {
  readonly size: readonly [number, number];

  constructor(size: Size) {
    super();
    this.size = pair(size, "CenterCrop");
  }

  forward(image: Image): Image {
    const [height, width] = this.size;
    // Halves go to the even number, as Python rounds.
    const half = (n: number): number => {
      const down = Math.floor(n / 2);
      return n % 2 === 0 ? n / 2 : down % 2 === 0 ? down : down + 1;
    };
    return crop(image, half(image.height - height), half(image.width - width), height, width);
  }
}

/**
 * Adds a border: one width for all sides, one each for left/right and top/bottom, or left, top, right, bottom.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Pad.html
 */
export class Pad extends Transform<Image, Image> {
  readonly padding: readonly number[];
  readonly fill: number;

  constructor(padding: Size, options: { readonly fill?: number } = {}) {
    super();
    const o = bound("Pad(int[] padding, int fill=0) -> any", [padding, options]);
    if (![1, 2, 4].includes(o.padding.length)) {
      throw new ValueError("padding is one number, two, or four: left, top, right, bottom");
    }
    this.padding = o.padding;
    this.fill = o.fill;
  }

  forward(image: Image): Image {
    const [left = 0, top = left, right = left, bottom = top] = this.padding;
    return crop(image, -top, -left, image.height + top + bottom, image.width + left + right, this.fill);
  }
}

/**
 * A part at a random place, after `padding` was added.
 * @throws ValueError when the picture is smaller than the part.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomCrop.html
 */
export class RandomCrop extends Transform<Image, Image> {
  readonly size: readonly [number, number];
  private readonly _pad: Pad | null;
  private readonly _padIfNeeded: boolean;
  private readonly _fill: number;

  constructor(
    size: Size,
    options: {
      readonly padding?: Size | null;
      readonly padIfNeeded?: boolean;
      readonly fill?: number;
    } = {},
  ) {
    super();
    const o = bound("RandomCrop(any size, any padding=None, bool pad_if_needed=False, int fill=0) -> any", [
      size,
      options,
    ]);
    this.size = pair(size, "RandomCrop");
    this._pad = o.padding === null ? null : new Pad(o.padding as Size, { fill: o.fill });
    this._padIfNeeded = o.padIfNeeded;
    this._fill = o.fill;
  }

  forward(image: Image): Image {
    const [height, width] = this.size;
    let padded = this._pad === null ? image : this._pad(image);
    if (this._padIfNeeded) {
      const missing = [Math.max(0, width - padded.width), Math.max(0, height - padded.height)];
      if (missing.some((n) => n > 0)) padded = new Pad(missing, { fill: this._fill })(padded);
    }
    if (padded.height < height || padded.width < width) {
      throw new ValueError(
        `Required crop size [${String(height)}, ${String(width)}] is larger than input image size [${String(padded.height)}, ${String(padded.width)}]`,
      );
    }
    if (padded.height === height && padded.width === width) return padded;
    const top = integer(0, padded.height - height + 1);
    return crop(padded, top, integer(0, padded.width - width + 1), height, width);
  }
}

/**
 * Swaps left and right with probability `p`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomHorizontalFlip.html
 */
export class RandomHorizontalFlip extends ByChance {
  constructor(p = 0.5) {
    super(p);
  }

  protected change(image: Image): Image {
    return flip(image, true);
  }
}

/**
 * Swaps top and bottom with probability `p`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomVerticalFlip.html
 */
export class RandomVerticalFlip extends ByChance {
  constructor(p = 0.5) {
    super(p);
  }

  protected change(image: Image): Image {
    return flip(image, false);
  }
}

/**
 * A random part of the area and proportions given, made `size`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomResizedCrop.html
 */
export class RandomResizedCrop extends Transform<Image, Image> {
  readonly size: readonly [number, number];
  readonly scale: readonly [number, number];
  readonly ratio: readonly [number, number];
  readonly interpolation: Interpolation;

  constructor(
    size: Size,
    options: InterpolationOption & {
      readonly scale?: readonly [number, number];
      readonly ratio?: readonly [number, number];
    } = {},
  ) {
    super();
    const o = bound(
      "RandomResizedCrop(any size, any scale=None, any ratio=None, str interpolation='bilinear') -> any",
      [size, options],
    );
    this.size = pair(size, "RandomResizedCrop");
    this.scale = range(o.scale ?? [0.08, 1], "scale");
    this.ratio = range(o.ratio ?? [3 / 4, 4 / 3], "ratio");
    this.interpolation = interpolationOf(o.interpolation);
  }

  forward(image: Image): Image {
    const [top, left, height, width] = this._part(image);
    return resize(crop(image, top, left, height, width), ...this.size, this.interpolation);
  }

  private _part({ width, height }: Image): [number, number, number, number] {
    const [least, most] = this.ratio;
    for (let i = 0; i < 10; i++) {
      const area = width * height * uniform(...this.scale);
      const ratio = Math.exp(uniform(Math.log(least), Math.log(most)));
      const w = Math.round(Math.sqrt(area * ratio));
      const h = Math.round(Math.sqrt(area / ratio));
      if (w > 0 && w <= width && h > 0 && h <= height) {
        const top = integer(0, height - h + 1);
        return [top, integer(0, width - w + 1), h, w];
      }
    }
    // None fitted: the largest part in the middle.
    const ratio = Math.min(most, Math.max(least, width / height));
    const w = Math.min(width, Math.round(height * ratio));
    const h = Math.min(height, Math.round(width / ratio));
    return [Math.floor((height - h) / 2), Math.floor((width - w) / 2), h, w];
  }
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** The way back of: shear, scale, turn about the middle, move. */
function backward(
  { width, height }: Image,
  { angle = 0, translate = [0, 0] as readonly number[], scale = 1, shear = [0, 0] as readonly number[] },
): Matrix {
  const turn = radians(angle);
  const [sx, sy] = [radians(shear[0]!), radians(shear[1]!)];
  const a = Math.cos(turn - sy) / Math.cos(sy);
  const b = (-Math.cos(turn - sy) * Math.tan(sx)) / Math.cos(sy) - Math.sin(turn);
  const c = Math.sin(turn - sy) / Math.cos(sy);
  const d = (-Math.sin(turn - sy) * Math.tan(sx)) / Math.cos(sy) + Math.cos(turn);
  // The inverse of scale · [[a, b], [c, d]], whose determinant is scale².
  const [m, n, p, q] = [d / scale, -b / scale, -c / scale, a / scale];
  const [cx, cy] = [width / 2, height / 2];
  const [u, v] = [cx + translate[0]!, cy + translate[1]!];
  return [m, n, cx - m * u - n * v, p, q, cy - p * u - q * v];
}

/**
 * Turns by a random angle, in degrees, about the middle.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomRotation.html
 */
export class RandomRotation extends Transform<Image, Image> {
  readonly degrees: readonly [number, number];
  readonly interpolation: Interpolation;
  readonly fill: number;

  constructor(
    degrees: number | readonly [number, number],
    options: InterpolationOption & { readonly fill?: number } = {},
  ) {
    super();
    const o = bound("RandomRotation(any degrees, str interpolation='nearest', int fill=0) -> any", [
      degrees,
      options,
    ]);
    this.degrees = range(degrees, "degrees");
    this.interpolation = interpolationOf(o.interpolation);
    this.fill = o.fill;
  }

  forward(image: Image): Image {
    // Angles count against the clock, and the y axis points down.
    const matrix = backward(image, { angle: -uniform(...this.degrees) });
    return affine(image, matrix, this.interpolation, this.fill);
  }
}

/**
 * Turns, moves, scales and shears at random, the middle kept.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomAffine.html
 */
export class RandomAffine extends Transform<Image, Image> {
  readonly degrees: readonly [number, number];
  readonly translate: readonly [number, number] | null;
  readonly scale: readonly [number, number] | null;
  readonly shear: readonly number[] | null;
  readonly interpolation: Interpolation;
  readonly fill: number;

  constructor(
    degrees: number | readonly [number, number],
    options: InterpolationOption & {
      /** The largest moves, as shares of width and height. */
      readonly translate?: readonly [number, number] | null;
      readonly scale?: readonly [number, number] | null;
      /** Degrees along x: one number or a range; four numbers are ranges along x and y. */
      readonly shear?: number | readonly number[] | null;
      readonly fill?: number;
    } = {},
  ) {
    super();
    const o = bound(
      "RandomAffine(any degrees, any translate=None, any scale=None, any shear=None, str interpolation='nearest', int fill=0) -> any",
      [degrees, options],
    );
    this.degrees = range(degrees, "degrees");
    this.translate = o.translate === null ? null : range(o.translate, "translate");
    if (this.translate?.some((t) => t < 0 || t > 1)) {
      throw new ValueError("translation values should be between 0 and 1");
    }
    this.scale = o.scale === null ? null : range(o.scale, "scale");
    if (this.scale?.some((s) => s <= 0)) throw new ValueError("scale values should be positive");
    const shear = o.shear as number | readonly number[] | null;
    this.shear =
      shear === null ? null : Array.isArray(shear) && shear.length === 4 ? shear : range(shear, "shear");
    this.interpolation = interpolationOf(o.interpolation);
    this.fill = o.fill;
  }

  forward(image: Image): Image {
    const angle = uniform(...this.degrees);
    const move = (share: number, size: number): number => Math.round(uniform(-share * size, share * size));
    const translate =
      this.translate === null
        ? [0, 0]
        : [move(this.translate[0], image.width), move(this.translate[1], image.height)];
    const scale = this.scale === null ? 1 : uniform(...this.scale);
    const shear = [0, 0];
    if (this.shear !== null) {
      shear[0] = uniform(this.shear[0]!, this.shear[1]!);
      if (this.shear.length === 4) shear[1] = uniform(this.shear[2]!, this.shear[3]!);
    }
    return affine(image, backward(image, { angle, translate, scale, shear }), this.interpolation, this.fill);
  }
}

/** The corners and the middle. @throws ValueError when the picture is smaller. */
function corners(image: Image, [height, width]: readonly [number, number]): Image[] {
  const { height: h, width: w } = image;
  if (height > h || width > w) {
    throw new ValueError(
      `Requested crop size [${String(height)}, ${String(width)}] is bigger than input size [${String(h)}, ${String(w)}]`,
    );
  }
  const at = (top: number, left: number): Image => crop(image, top, left, height, width);
  return [
    at(0, 0),
    at(0, w - width),
    at(h - height, 0),
    at(h - height, w - width),
    new CenterCrop([height, width])(image),
  ];
}

/**
 * The four corners and the middle of a picture.
 * @throws ValueError when the picture is smaller.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.FiveCrop.html
 */
export class FiveCrop extends Transform<Image, Image[]> {
  readonly size: readonly [number, number];

  constructor(size: Size) {
    super();
    this.size = pair(size, "FiveCrop");
  }

  forward(image: Image): Image[] {
    return corners(image, this.size);
  }
}

/**
 * The four corners and the middle, and those of the picture with left and right swapped (top and bottom, with
 * `verticalFlip`).
 * @throws ValueError when the picture is smaller.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.TenCrop.html
 */
export class TenCrop extends Transform<Image, Image[]> {
  readonly size: readonly [number, number];
  readonly verticalFlip: boolean;

  constructor(size: Size, options: boolean | { readonly verticalFlip?: boolean } = {}) {
    super();
    this.size = pair(size, "TenCrop");
    this.verticalFlip = bound("TenCrop(any size, bool vertical_flip=False) -> any", [
      size,
      options,
    ]).verticalFlip;
  }

  forward(image: Image): Image[] {
    return [...corners(image, this.size), ...corners(flip(image, !this.verticalFlip), this.size)];
  }
}
