/** Transforms that change colours. @see https://pytorch.org/vision/stable/transforms.html#color */
import { ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import type { Image } from "../image.js";
import { ByChance } from "./byChance.js";
import { blur, brighten, contrast, grey, mapColours, rgb, saturate, turnHue } from "./pixels.js";
import { order, uniform } from "./random.js";
import { Transform } from "./transform.js";

/**
 * Grey, in one channel or in three alike.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Grayscale.html
 */
export class Grayscale extends Transform<Image, Image> {
  readonly numOutputChannels: 1 | 3;

  constructor(numOutputChannels: 1 | 3 = 1) {
    super();
    if (![1, 3].includes(numOutputChannels))
      throw new ValueError("numOutputChannels should be either 1 or 3");
    this.numOutputChannels = numOutputChannels;
  }

  forward(image: Image): Image {
    return this.numOutputChannels === 1 ? grey(image) : rgb(grey(image));
  }
}

type Amount = number | readonly [number, number];

/** How far a factor may be from 1 (or, for the hue, a turn from 0); `null` leaves it alone. */
function amount(value: Amount, name: string, centre: 0 | 1, limit: number): [number, number] | null {
  const [low, high] =
    typeof value === "number"
      ? [Math.max(centre - value, centre === 1 ? 0 : -Infinity), centre + value]
      : value;
  const least = centre === 1 ? 0 : -limit;
  if ((typeof value === "number" && value < 0) || low < least || high > limit || low > high) {
    throw new ValueError(`${name} values should be between ${String(least)} and ${String(limit)}`);
  }
  return low === centre && high === centre ? null : [low, high];
}

/**
 * Changes brightness, contrast, saturation and hue at random, in random order.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.ColorJitter.html
 */
export class ColorJitter extends Transform<Image, Image> {
  readonly brightness: readonly [number, number] | null;
  readonly contrast: readonly [number, number] | null;
  readonly saturation: readonly [number, number] | null;
  readonly hue: readonly [number, number] | null;

  constructor(
    options: {
      readonly brightness?: Amount;
      readonly contrast?: Amount;
      readonly saturation?: Amount;
      readonly hue?: Amount;
    } = {},
  ) {
    super();
    const o = bound("ColorJitter(any brightness=0, any contrast=0, any saturation=0, any hue=0) -> any", [
      options,
    ]);
    this.brightness = amount(o.brightness as Amount, "brightness", 1, Infinity);
    this.contrast = amount(o.contrast as Amount, "contrast", 1, Infinity);
    this.saturation = amount(o.saturation as Amount, "saturation", 1, Infinity);
    this.hue = amount(o.hue as Amount, "hue", 0, 0.5);
  }

  forward(image: Image): Image {
    // All draws are made before any change, as torchvision makes them.
    const turns = order(4);
    const draw = (range: readonly [number, number] | null): number | null =>
      range === null ? null : uniform(...range);
    const factors = [this.brightness, this.contrast, this.saturation, this.hue].map(draw);
    const changes = [brighten, contrast, saturate, turnHue];
    return turns.reduce((changed, which) => {
      const factor = factors[which]!;
      return factor === null ? changed : changes[which]!(changed, factor);
    }, image);
  }
}

/**
 * Smooths with a bell whose width is drawn from `sigma`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.GaussianBlur.html
 */
export class GaussianBlur extends Transform<Image, Image> {
  readonly kernelSize: number;
  readonly sigma: readonly [number, number];

  constructor(kernelSize: number, options: { readonly sigma?: number | readonly [number, number] } = {}) {
    super();
    const { sigma } = bound("GaussianBlur(int kernel_size, any sigma=None) -> any", [kernelSize, options]);
    if (kernelSize <= 0 || kernelSize % 2 === 0) {
      throw new ValueError("Kernel size value should be an odd and positive number.");
    }
    const [low, high] =
      typeof sigma === "number" ? [sigma, sigma] : ((sigma ?? [0.1, 2]) as [number, number]);
    if (!(low > 0 && low <= high)) {
      throw new ValueError("sigma values should be positive and of the form (min, max).");
    }
    this.kernelSize = kernelSize;
    this.sigma = [low, high];
  }

  forward(image: Image): Image {
    return blur(image, this.kernelSize, uniform(...this.sigma));
  }
}

/**
 * Takes the colours out with probability `p`; the channels stay as many as they were.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomGrayscale.html
 */
export class RandomGrayscale extends ByChance {
  constructor(p = 0.1) {
    super(p);
  }

  protected change(image: Image): Image {
    return image.mode === "L" ? image : saturate(image, 0);
  }
}

/**
 * The negative of a picture, with probability `p`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomInvert.html
 */
export class RandomInvert extends ByChance {
  constructor(p = 0.5) {
    super(p);
  }

  protected change(image: Image): Image {
    return mapColours(image, (value) => 255 - value);
  }
}

/**
 * Keeps the first `bits` bits of every colour, with probability `p`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomPosterize.html
 */
export class RandomPosterize extends ByChance {
  readonly bits: number;

  constructor(bits: number, options: number | { readonly p?: number } = {}) {
    const o = bound("RandomPosterize(int bits, float p=0.5) -> any", [bits, options]);
    if (bits < 0 || bits > 8) throw new ValueError(`bits are from 0 to 8, not ${String(bits)}`);
    super(o.p);
    this.bits = bits;
  }

  protected change(image: Image): Image {
    const mask = 256 - 2 ** (8 - this.bits);
    return mapColours(image, (value) => value & mask);
  }
}

/**
 * The negative of what is at least as bright as `threshold`, with probability `p`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomSolarize.html
 */
export class RandomSolarize extends ByChance {
  readonly threshold: number;

  constructor(threshold: number, options: number | { readonly p?: number } = {}) {
    super(bound("RandomSolarize(float threshold, float p=0.5) -> any", [threshold, options]).p);
    this.threshold = threshold;
  }

  protected change(image: Image): Image {
    const { threshold } = this;
    return mapColours(image, (value) => (value < threshold ? value : 255 - value));
  }
}
