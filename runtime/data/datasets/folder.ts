/** Pictures in folders. */
import * as fs from "node:fs";
import * as path from "node:path";
import { FileNotFoundError, NotImplementedError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { placeIn } from "../dataset.js";
import { Image } from "../image.js";
import { rgb } from "../transforms/pixels.js";
import { VisionDataset, type VisionOptions } from "./vision.js";

export interface ImageFolderOptions<X = Image, Y = number> extends VisionOptions<X, Y> {
  /** Reads a file; the usual one takes PNG and JPEG and gives RGB. */
  readonly loader?: ((file: string) => Image) | null;
  /** Which files are samples; all with a picture's extension unless given. */
  readonly isValidFile?: ((file: string) => boolean) | null;
  /** Lets a class have no file. */
  readonly allowEmpty?: boolean;
}

const signature =
  "ImageFolder(str root, any transform=None, any target_transform=None, any loader=None, any is_valid_file=None, " +
  "bool allow_empty=False) -> any";

/** What torchvision takes for a picture, and of that what is read here. */
const extensions = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];
const readable = [".jpg", ".jpeg", ".png"];

const hasOne = (file: string, of: readonly string[]): boolean =>
  of.includes(path.extname(file).toLowerCase());

/** Python's order of strings: by code points. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const isFolder = (name: string): boolean =>
  fs.statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** The folder and all that are in it; links are followed, but not in circles. */
function foldersIn(folder: string, above: readonly string[] = []): string[] {
  const real = fs.realpathSync(folder);
  if (above.includes(real)) return [];
  const inside = fs
    .readdirSync(folder)
    .map((name) => path.join(folder, name))
    .filter(isFolder);
  return [folder, ...inside.flatMap((name) => foldersIn(name, [...above, real]))];
}

/**
 * Pictures in folders named for their classes: `ROOT/dog/1.png`, `ROOT/cat/a/2.jpeg`. The classes are sorted by name;
 * the pictures of each by folder and name. A sample is `[picture in RGB, number of the class]`.
 * @throws FileNotFoundError when there is no class, or a class has no picture; when read, ValueError for a damaged
 * picture.
 * @see https://pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
 */
export class ImageFolder<X = Image, Y = number> extends VisionDataset<X, Y> {
  readonly root: string;
  readonly loader: (file: string) => Image;
  /** Names of the classes. */
  readonly classes: readonly string[];
  readonly classToIdx: Readonly<Record<string, number>>;
  /** Files and the numbers of their classes. */
  readonly samples: readonly (readonly [file: string, label: number])[];

  constructor(root: string, options: ImageFolderOptions<X, Y> = {}) {
    const o = bound(signature, [root, options]) as unknown as Required<ImageFolderOptions<X, Y>>;
    super(o);
    this.root = root;
    this.loader = o.loader ?? ((file) => rgb(Image.open(file)));
    this.classes = isFolder(root)
      ? fs
          .readdirSync(root)
          .filter((name) => isFolder(path.join(root, name)))
          .sort(byCodePoint)
      : [];
    if (this.classes.length === 0) throw new FileNotFoundError(`Couldn't find any class folder in ${root}.`);
    this.classToIdx = Object.fromEntries(this.classes.map((name, i) => [name, i]));
    const isSample = o.isValidFile ?? ((f) => hasOne(f, extensions));
    this.samples = this.classes.flatMap((name, label) =>
      foldersIn(path.join(root, name))
        .sort(byCodePoint)
        .flatMap((folder) =>
          fs
            .readdirSync(folder)
            .sort(byCodePoint)
            .map((file) => path.join(folder, file)),
        )
        .filter((file) => isSample(file) && !isFolder(file))
        .map((file) => [file, label] as const),
    );
    const present = new Set(this.samples.map(([, label]) => label));
    const empty = this.classes.filter((_, label) => !present.has(label));
    if (empty.length > 0 && !o.allowEmpty) {
      const hint = o.isValidFile === null ? ` Supported extensions are: ${readable.join(", ")}` : "";
      throw new FileNotFoundError(`Found no valid file for the classes ${empty.join(", ")}.${hint}`);
    }
    if (o.loader === null && o.isValidFile === null) {
      const other = this.samples.find(([file]) => !hasOne(file, readable));
      if (other !== undefined) {
        throw new NotImplementedError(
          `${other[0]} is of a kind that is not read; PNG and JPEG are. Give a loader, or leave it out with isValidFile`,
        );
      }
    }
  }

  /** Numbers of the classes, sample by sample. */
  get targets(): readonly number[] {
    return this.samples.map(([, label]) => label);
  }

  /** Another name of `samples`. */
  get imgs(): this["samples"] {
    return this.samples;
  }

  get length(): number {
    return this.samples.length;
  }

  protected load(index: number): [Image, number] {
    const [file, label] = this.samples[placeIn(index, this.length)]!;
    return [this.loader(file), label];
  }
}
