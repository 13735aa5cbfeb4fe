import { ValueError } from "../errors.js";
import { readLimited } from "./files/limits.js";
import { decodePicture } from "./files/picture.js";

const channelsOf = { L: 1, RGB: 3, RGBA: 4 } as const;

/** Grey, colour, or colour with opacity; eight bits each. */
export type ImageMode = keyof typeof channelsOf;

/**
 * A picture as data sets give it and transforms take it: what PIL's `Image` is to torchvision. `ToTensor` makes a
 * tensor of it.
 */
export class Image {
  readonly width: number;
  readonly height: number;
  readonly mode: ImageMode;
  /** Rows from the top, pixels from the left, the channels of a pixel side by side. */
  readonly data: Uint8Array;

  /** @throws ValueError when `data` is not as long as the size asks. */
  constructor(data: Uint8Array, width: number, height: number, mode: ImageMode = "L") {
    if (data.length !== width * height * channelsOf[mode]) {
      throw new ValueError(
        `a picture of ${String(width)} × ${String(height)} in mode ${mode} has ${String(width * height * channelsOf[mode])} bytes, ` +
          `not ${String(data.length)}`,
      );
    }
    this.data = data;
    this.width = width;
    this.height = height;
    this.mode = mode;
  }

  /**
   * The picture in a PNG or JPEG file: grey where the file is grey, with opacity where it has some.
   * @throws FileNotFoundError; ValueError when it is damaged or too large; NotImplementedError for other kinds.
   * @see https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.open
   */
  static open(file: string): Image {
    return Image.decode(readLimited(file), file);
  }

  /** The same of a file's bytes; `name` stands for it in errors. */
  static decode(bytes: Uint8Array, name = "the picture"): Image {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { data, width, height, channels } = decodePicture(view, name);
    return new Image(data, width, height, channels === 1 ? "L" : channels === 3 ? "RGB" : "RGBA");
  }

  /** Bytes a pixel. */
  get channels(): number {
    return channelsOf[this.mode];
  }
}
