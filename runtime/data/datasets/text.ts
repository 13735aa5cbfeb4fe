/** Text. */
import { KeyError, ValueError } from "../../errors.js";
import { fromData } from "../../ops/leaf.js";
import { int64 } from "../../tensor/dtype.js";
import { Tensor } from "../../tensor/tensor.js";
import { Dataset, placeIn } from "../dataset.js";
import { readMaybeGzip } from "../files/limits.js";
import type { TransformFn } from "./vision.js";

/** Strings have no more characters. */
const maxBytes = 1 << 28;

/** A file's text, in UTF-8, packed with gzip or not. @throws FileNotFoundError; ValueError when it is no such text. */
function readText(file: string): string {
  const bytes = readMaybeGzip(file, maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ValueError(`${file} is no text in UTF-8`);
  }
}

/**
 * The lines of a text file, without their ends: sample i is line i. Packed with gzip or not.
 * @throws FileNotFoundError; ValueError when the file is no text in UTF-8, or larger than 256 MiB.
 */
export class TextLineDataset<X = string> extends Dataset<X> {
  readonly transform: TransformFn<string, X> | null;
  private readonly _lines: readonly string[];

  constructor(
    file: string,
    { transform = null }: { readonly transform?: TransformFn<string, X> | null } = {},
  ) {
    super();
    const lines = readText(file).split(/\r?\n/);
    // What follows the last line's end is no line.
    if (lines.at(-1) === "") lines.pop();
    this._lines = lines;
    this.transform = transform;
  }

  get length(): number {
    return this._lines.length;
  }

  at(index: number): X {
    const line = this._lines[placeIn(index, this.length)]!;
    return this.transform === null ? (line as X) : this.transform(line);
  }
}

export interface CharDatasetOptions {
  /** The characters that are known; those of the text, sorted, unless given: those of the text to train with. */
  readonly chars?: readonly string[];
}

/**
 * A text cut into pieces to learn its next characters from. Sample i is `[x, y]`, both `[blockSize]`, int64: the
 * numbers of the characters from place i, and of those that follow each.
 *
 *     const set = CharDataset.open("shakespeare.txt", 128);
 *     const model = new GPT(set.vocabSize);
 *     console.log(set.decode(generated));
 */
export class CharDataset extends Dataset<[Tensor, Tensor]> {
  /** The known characters; a character's place is its number. */
  readonly chars: readonly string[];
  readonly blockSize: number;
  private readonly _numbers: ReadonlyMap<string, number>;
  private readonly _text: BigInt64Array<ArrayBuffer>;

  /**
   * @throws ValueError when the text is not longer than a block; KeyError for a character that is not among `chars`.
   */
  constructor(text: string, blockSize: number, { chars }: CharDatasetOptions = {}) {
    super();
    if (!Number.isInteger(blockSize) || blockSize <= 0) {
      throw new ValueError(`blockSize must be a positive whole number, not ${String(blockSize)}`);
    }
    this.chars = chars ?? [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
    this.blockSize = blockSize;
    this._numbers = new Map(this.chars.map((char, i) => [char, i]));
    this._text = this._encoded(text);
    if (this._text.length <= blockSize) {
      throw new ValueError(
        `a text of ${String(this._text.length)} characters has no block of ${String(blockSize)} and one that follows`,
      );
    }
  }

  /** The text of a file in UTF-8, packed with gzip or not. */
  static open(file: string, blockSize: number, options: CharDatasetOptions = {}): CharDataset {
    return new CharDataset(readText(file), blockSize, options);
  }

  /** How many characters are known. */
  get vocabSize(): number {
    return this.chars.length;
  }

  get length(): number {
    return this._text.length - this.blockSize;
  }

  at(index: number): [Tensor, Tensor] {
    const [x, y] = this._collated([index]);
    return [x!.squeeze(0), y!.squeeze(0)];
  }

  override _collated(indices: readonly number[]): Tensor[] {
    const size = this.blockSize;
    const rows = [0, 1].map((shift) => {
      const out = new BigInt64Array(indices.length * size);
      indices.forEach((index, i) => {
        const place = placeIn(index, this.length) + shift;
        out.set(this._text.subarray(place, place + size), i * size);
      });
      return out;
    });
    return rows.map((row) => fromData(row, [indices.length, size], int64));
  }

  /** The numbers of a text's characters: `[characters]`, int64. @throws KeyError for one that is not known. */
  encode(text: string): Tensor {
    const numbers = this._encoded(text);
    return fromData(numbers, [numbers.length], int64);
  }

  /** The text of characters' numbers. @throws KeyError for a number that no character has. */
  decode(numbers: Tensor | readonly (number | bigint)[]): string {
    const list = numbers instanceof Tensor ? (numbers.flatten().tolist() as (number | bigint)[]) : numbers;
    return list
      .map((n) => {
        const char = this.chars[Number(n)];
        if (char === undefined)
          throw new KeyError(`there is no character ${String(n)} among ${String(this.vocabSize)}`);
        return char;
      })
      .join("");
  }

  private _encoded(text: string): BigInt64Array<ArrayBuffer> {
    const out = new BigInt64Array(text.length);
    let n = 0;
    for (const char of text) {
      const number = this._numbers.get(char);
      if (number === undefined)
        throw new KeyError(`the character ${JSON.stringify(char)} is not among the known ones`);
      out[n++] = BigInt(number);
    }
    return out.slice(0, n);
  }
}
