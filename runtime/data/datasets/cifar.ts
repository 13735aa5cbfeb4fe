/** CIFAR's small colour pictures, in the binary version of their files. */
import * as fs from "node:fs";
import * as path from "node:path";
import { RuntimeError, ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { placeIn } from "../dataset.js";
import { download } from "../files/download.js";
import { readMaybeGzip } from "../files/limits.js";
import { readTar } from "../files/tar.js";
import { Image } from "../image.js";
import { VisionDataset, type VisionOptions } from "./vision.js";

export interface CIFAROptions<X = Image, Y = number> extends VisionOptions<X, Y> {
  /** The pictures to train with, or those to test with. */
  readonly train?: boolean;
  /** Fetches what is missing. */
  readonly download?: boolean;
}

type Options<X, Y> = Omit<CIFAROptions<X, Y>, "train">;

const signature =
  "CIFAR10(str root, bool train=True, any transform=None, any target_transform=None, bool download=False) -> any";

const side = 32;
const plane = side * side;

interface Layout {
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** File with the classes' names, one a line. */
  readonly names: string;
  /** Bytes before the picture; the last one is the label. */
  readonly labelBytes: number;
  readonly classes: number;
  readonly archive: { readonly url: string; readonly md5: string };
}

/**
 * Colour pictures, 32 × 32, of ten kinds of things: 50 000 to train with and 10 000 to test with. The files are those of
 * the binary version, in `ROOT/cifar-10-batches-bin`: records of a label and three planes of 1024 bytes.
 * @throws RuntimeError when they are not there; ValueError when they are damaged.
 * @see https://pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html
 */
export class CIFAR10<X = Image, Y = number> extends VisionDataset<X, Y> {
  /** @internal */
  static readonly layout: Layout = {
    folder: "cifar-10-batches-bin",
    train: [1, 2, 3, 4, 5].map((i) => `data_batch_${String(i)}.bin`),
    test: ["test_batch.bin"],
    names: "batches.meta.txt",
    labelBytes: 1,
    classes: 10,
    archive: {
      url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      md5: "c32a1d4ab5d03f1284b67883e8d87530",
    },
  };

  readonly root: string;
  readonly train: boolean;
  /** Names of the classes; their numbers where the file of names is missing. */
  readonly classes: readonly string[];
  /** Labels in order. */
  readonly targets: readonly number[];
  private readonly _files: readonly Uint8Array[];
  private readonly _labelBytes: number;

  constructor(root: string, options?: CIFAROptions<X, Y>);
  constructor(root: string, train: boolean, options?: Options<X, Y>);
  constructor(...args: unknown[]) {
    const o = bound(signature, args);
    super(o as VisionOptions<X, Y>);
    this.root = o.root;
    this.train = o.train;
    const { layout } = new.target as typeof CIFAR10;
    const folder = path.join(o.root, layout.folder);
    if (o.download) fetchArchive(o.root, layout);
    const names = (o.train ? layout.train : layout.test).map((name) => path.join(folder, name));
    // A folder of one's own need not have five parts.
    const present = names.filter((name) => fs.existsSync(name));
    if (present.length === 0) {
      throw new RuntimeError(
        `Dataset not found: there is no ${names[0]!}. You can use download: true to download it`,
      );
    }
    this._labelBytes = layout.labelBytes;
    this._files = present.map((name) => fs.readFileSync(name));
    const record = layout.labelBytes + 3 * plane;
    this.targets = this._files.flatMap((bytes, f) => {
      if (bytes.length % record !== 0) {
        throw new ValueError(
          `${present[f]!} is damaged: ${String(bytes.length)} bytes are no whole number of records of ${String(record)}`,
        );
      }
      return Array.from({ length: bytes.length / record }, (_, i) => {
        const label = bytes[i * record + layout.labelBytes - 1]!;
        if (label >= layout.classes) {
          throw new ValueError(
            `${present[f]!} is damaged: record ${String(i)} has the label ${String(label)}`,
          );
        }
        return label;
      });
    });
    this.classes = classNames(path.join(folder, layout.names), layout.classes);
  }

  get length(): number {
    return this.targets.length;
  }

  protected load(index: number): [Image, number] {
    const record = this._labelBytes + 3 * plane;
    const place = placeIn(index, this.length);
    let first = place;
    let file = 0;
    for (; first >= this._files[file]!.length / record; file++) first -= this._files[file]!.length / record;
    const start = first * record + this._labelBytes;
    const planes = this._files[file]!.subarray(start, start + 3 * plane);
    const pixels = new Uint8Array(3 * plane);
    for (let c = 0; c < 3; c++) for (let i = 0; i < plane; i++) pixels[3 * i + c] = planes[c * plane + i]!;
    return [new Image(pixels, side, side, "RGB"), this.targets[place]!];
  }
}

function classNames(file: string, count: number): string[] {
  const numbers = Array.from({ length: count }, (_, i) => String(i));
  if (!fs.existsSync(file)) return numbers;
  const lines = fs
    .readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return numbers.map((number, i) => lines[i] ?? number);
}

function fetchArchive(root: string, { folder, train, test, names, archive }: Layout): void {
  const wanted = [...train, ...test, names];
  if (wanted.every((name) => fs.existsSync(path.join(root, folder, name)))) return;
  const packed = path.join(root, path.basename(new URL(archive.url).pathname));
  download({ urls: [archive.url], md5: archive.md5 }, packed);
  const files = readTar(readMaybeGzip(packed), (name) => wanted.some((w) => name === `${folder}/${w}`));
  fs.mkdirSync(path.join(root, folder), { recursive: true });
  for (const name of wanted) {
    const bytes = files.get(`${folder}/${name}`);
    if (bytes === undefined) throw new ValueError(`${packed} has no ${folder}/${name} in it`);
    fs.writeFileSync(path.join(root, folder, name), bytes);
  }
}

/**
 * The same with a hundred classes, in `ROOT/cifar-100-binary`.
 * @see https://pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR100.html
 */
export class CIFAR100<X = Image, Y = number> extends CIFAR10<X, Y> {
  /** @internal */
  static override readonly layout: Layout = {
    folder: "cifar-100-binary",
    train: ["train.bin"],
    test: ["test.bin"],
    names: "fine_label_names.txt",
    labelBytes: 2,
    classes: 100,
    archive: {
      url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
      md5: "03b5dce01913d631647c71ecec9e9cb8",
    },
  };
}
