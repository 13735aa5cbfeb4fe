import { ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { placeIn } from "../dataset.js";
import { Image } from "../image.js";
import { drawDigit, side, splitMix } from "./pen.js";
import { VisionDataset, type VisionOptions } from "./vision.js";

export interface DigitsOptions<X = Image, Y = number> extends VisionOptions<X, Y> {
  /** The pictures to train with (10 000) or those to test with (2 000). */
  readonly train?: boolean;
  /** How many pictures. */
  readonly size?: number;
  /** Another seed draws other pictures. */
  readonly seed?: number;
}

const signature =
  "Digits(bool train=True, any transform=None, any target_transform=None, *, int? size=None, int seed=0) -> any";

/**
 * Handwritten digits that need no download: drawn by a pen of random thickness along random strokes, 28 × 28, white on
 * black like MNIST's. Sample i is `[picture, digit]`; the ten digits come equally often. The same seed draws the same
 * pictures everywhere; those to train with and those to test with have nothing in common.
 *
 *     new datasets.Digits({ train: false, transform: new transforms.ToTensor() })
 */
export class Digits<X = Image, Y = number> extends VisionDataset<X, Y> {
  readonly classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;
  readonly train: boolean;
  readonly seed: number;
  readonly length: number;
  private readonly _pictures: (Image | undefined)[] = [];

  constructor(options?: DigitsOptions<X, Y>);
  constructor(train: boolean, options?: Omit<DigitsOptions<X, Y>, "train">);
  constructor(...args: unknown[]) {
    const o = bound(signature, args);
    super(o as VisionOptions<X, Y>);
    this.train = o.train;
    this.seed = o.seed;
    this.length = o.size ?? (o.train ? 10_000 : 2_000);
    if (this.length <= 0) throw new ValueError(`size must be positive, not ${String(this.length)}`);
  }

  protected load(index: number): [Image, number] {
    const place = placeIn(index, this.length);
    const digit = place % 10;
    // Each picture has a random stream of its own, so that it is the same whichever is asked for first.
    const stream = splitMix(Math.imul(this.seed, 0x5851f42d) ^ (2 * place + (this.train ? 0 : 1)));
    this._pictures[place] ??= new Image(drawDigit(digit, stream), side, side);
    return [this._pictures[place], digit];
  }
}
