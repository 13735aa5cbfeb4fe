/** Pictures that are changed with a probability, and else stay as they are. */
import type { Image } from "../image.js";
import { chance, probability } from "./random.js";
import { Transform } from "./transform.js";

/** Base of what makes one draw to decide whether it changes a picture. */
export abstract class ByChance extends Transform<Image, Image> {
  readonly p: number;

  constructor(p: number) {
    super();
    this.p = probability(p);
  }

  forward(image: Image): Image {
    return chance(this.p) ? this.change(image) : image;
  }

  /** What the picture becomes when the draw says so. */
  protected abstract change(image: Image): Image;
}
