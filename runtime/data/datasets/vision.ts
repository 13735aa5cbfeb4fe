import { Dataset } from "../dataset.js";
import type { Image } from "../image.js";

/** Makes something else of a picture or a label. */
export type TransformFn<T, U> = (value: T) => U;

export interface VisionOptions<X = Image, Y = number> {
  /** Applied to each picture: `new transforms.ToTensor()`. */
  readonly transform?: TransformFn<Image, X> | null;
  /** Applied to each label. */
  readonly targetTransform?: TransformFn<number, Y> | null;
}

/**
 * Pictures with labels: each sample is `[picture, label]`, an `Image` and a number unless transforms make something
 * else of them.
 */
export abstract class VisionDataset<X = Image, Y = number> extends Dataset<[X, Y]> {
  readonly transform: TransformFn<Image, X> | null;
  readonly targetTransform: TransformFn<number, Y> | null;

  constructor({ transform = null, targetTransform = null }: VisionOptions<X, Y>) {
    super();
    this.transform = transform;
    this.targetTransform = targetTransform;
  }

  at(index: number): [X, Y] {
    const [image, label] = this.load(index);
    return [
      this.transform === null ? (image as X) : this.transform(image),
      this.targetTransform === null ? (label as Y) : this.targetTransform(label),
    ];
  }

  /** The sample before any transform. @throws IndexError */
  protected abstract load(index: number): [Image, number];
}
