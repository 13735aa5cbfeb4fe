/** Data sets in MNIST's format. */
import * as fs from "node:fs";
import * as path from "node:path";
import { RuntimeError, ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { download } from "../files/download.js";
import { readIdx } from "../files/idx.js";
import { Image } from "../image.js";
import { placeIn } from "../dataset.js";
import { VisionDataset, type VisionOptions } from "./vision.js";

export interface MNISTOptions<X = Image, Y = number> extends VisionOptions<X, Y> {
  /** The pictures to train with, or those to test with. */
  readonly train?: boolean;
  /** Fetches what is missing. */
  readonly download?: boolean;
}

type Options<X, Y> = Omit<MNISTOptions<X, Y>, "train">;

const signature =
  "MNIST(str root, bool train=True, any transform=None, any target_transform=None, bool download=False) -> any";

/** Packed files and their MD5 checksums. */
type Resources = Readonly<Record<string, string>>;

/**
 * Handwritten digits, 28 × 28, 60 000 to train with and 10 000 to test with. The files, packed or not, are in
 * `ROOT/MNIST/raw`.
 * @throws RuntimeError when they are not there; ValueError when they are damaged.
 * @see https://pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html
 */
export class MNIST<X = Image, Y = number> extends VisionDataset<X, Y> {
  static readonly mirrors: readonly string[] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
  ];
  static readonly resources: Resources = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
  };
  static readonly classes: readonly string[] = [
    "0 - zero",
    "1 - one",
    "2 - two",
    "3 - three",
    "4 - four",
    "5 - five",
    "6 - six",
    "7 - seven",
    "8 - eight",
    "9 - nine",
  ];

  readonly root: string;
  readonly train: boolean;
  readonly classes: readonly string[];
  /** Labels in order. */
  readonly targets: readonly number[];
  private readonly _pixels: Uint8Array;
  private readonly _width: number;
  private readonly _height: number;

  constructor(root: string, options?: MNISTOptions<X, Y>);
  constructor(root: string, train: boolean, options?: Options<X, Y>);
  constructor(...args: unknown[]) {
    const o = bound(signature, args);
    super(o as VisionOptions<X, Y>);
    this.root = o.root;
    this.train = o.train;
    const { classes, mirrors, resources } = new.target as typeof MNIST;
    this.classes = classes;
    const prefix = o.train ? "train" : "t10k";
    const find = (name: string): string =>
      findFile(this.rawFolder, name, o.download ? { mirrors, md5: resources[`${name}.gz`] } : undefined);
    const imagesFile = find(`${prefix}-images-idx3-ubyte`);
    const labelsFile = find(`${prefix}-labels-idx1-ubyte`);
    const images = readIdx(imagesFile, 3);
    const labels = readIdx(labelsFile, 1);
    const [count, height, width] = images.shape as [number, number, number];
    if (labels.data.length !== count) {
      throw new ValueError(
        `${imagesFile} has ${String(count)} pictures and ${labelsFile} ${String(labels.data.length)} labels`,
      );
    }
    this._pixels = images.data;
    this._height = height;
    this._width = width;
    this.targets = Array.from(labels.data);
    const odd = this.targets.findIndex((label) => label >= classes.length);
    if (odd >= 0) {
      throw new ValueError(
        `${labelsFile} has the label ${String(this.targets[odd])} at ${String(odd)}; there are ${String(classes.length)} classes`,
      );
    }
  }

  /** Where the files are. */
  get rawFolder(): string {
    return path.join(this.root, (this.constructor as { name: string }).name, "raw");
  }

  get length(): number {
    return this.targets.length;
  }

  protected load(index: number): [Image, number] {
    const place = placeIn(index, this.length);
    const size = this._width * this._height;
    const pixels = this._pixels.subarray(place * size, (place + 1) * size);
    return [new Image(pixels, this._width, this._height), this.targets[place]!];
  }
}

/** A file, packed or not; fetched when it may be. @throws RuntimeError */
function findFile(
  folder: string,
  name: string,
  from: { readonly mirrors: readonly string[]; readonly md5: string | undefined } | undefined,
): string {
  const plain = path.join(folder, name);
  const packed = `${plain}.gz`;
  if (fs.existsSync(plain)) return plain;
  if (from !== undefined) {
    download({ urls: from.mirrors.map((mirror) => `${mirror}${name}.gz`), md5: from.md5 }, packed);
  }
  if (fs.existsSync(packed)) return packed;
  throw new RuntimeError(
    `Dataset not found: there is no ${plain}, nor ${name}.gz. You can use download: true to download it`,
  );
}

/**
 * Pictures of clothes in MNIST's format, in `ROOT/FashionMNIST/raw`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.datasets.FashionMNIST.html
 */
export class FashionMNIST<X = Image, Y = number> extends MNIST<X, Y> {
  static override readonly mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"];
  static override readonly resources: Resources = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
  };
  static override readonly classes = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ];
}

/**
 * Cursive Japanese characters in MNIST's format, in `ROOT/KMNIST/raw`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.datasets.KMNIST.html
 */
export class KMNIST<X = Image, Y = number> extends MNIST<X, Y> {
  static override readonly mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"];
  static override readonly resources: Resources = {
    "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
    "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
    "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
    "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
  };
  static override readonly classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];
}
