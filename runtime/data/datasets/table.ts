import { KeyError, ValueError } from "../../errors.js";
import { fromData } from "../../ops/leaf.js";
import { float32, int64 } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Dataset, placeIn, TensorDataset } from "../dataset.js";
import type { TransformFn } from "./vision.js";

/** A row of a table, by the columns' names. */
export type Row = Readonly<Record<string, unknown>>;

export interface TableOptions<X = Row> {
  /** The columns to keep, in this order; all unless given. */
  readonly columns?: readonly string[] | null;
  /** Applied to each row. */
  readonly transform?: TransformFn<Row, X> | null;
}

/** The values of a column: numbers as they are, what is missing as NaN; all else in a list. */
export type ColumnValues = Float64Array | readonly unknown[];

/**
 * A table by its rows: sample i is an object of row i's cells by the columns' names, unless a transform makes something
 * else of it. `tensors(target)` makes a data set of tensors of it.
 */
export abstract class TableDataset<X = Row> extends Dataset<X> {
  /** Names of the columns. */
  readonly columns: readonly string[];
  readonly transform: TransformFn<Row, X> | null;
  private readonly _length: number;
  private _read: ((name: string) => ColumnValues) | undefined;
  private readonly _values = new Map<string, ColumnValues>();
  private readonly _source: string;

  /** @param read gives a column's values; asked once for each. */
  constructor(
    source: string,
    names: readonly string[],
    length: number,
    read: (name: string) => ColumnValues,
    { columns = null, transform = null }: TableOptions<X>,
  ) {
    super();
    this._source = source;
    this._length = length;
    this._read = read;
    this.columns = columns ?? names;
    this.transform = transform;
    for (const name of this.columns) if (!names.includes(name)) throw this._missing(name, names);
  }

  get length(): number {
    return this._length;
  }

  at(index: number): X {
    const place = placeIn(index, this.length);
    const row = Object.fromEntries(this.columns.map((name) => [name, this.column(name)[place]]));
    return this.transform === null ? (row as X) : this.transform(row);
  }

  /** The values of a column, one a row. @throws KeyError for a column that is not there. */
  column(name: string): ColumnValues {
    if (!this.columns.includes(name)) throw this._missing(name, this.columns);
    let values = this._values.get(name);
    if (values === undefined) {
      values = this._read!(name);
      if (values.length !== this.length) {
        throw new ValueError(
          `${this._source}: the column ${JSON.stringify(name)} has ${String(values.length)} values in ${String(this.length)} rows`,
        );
      }
      this._values.set(name, values);
    }
    return values;
  }

  /** @internal Reads all columns: how they are read does not cross threads. */
  _settle(): void {
    for (const name of this.columns) this.column(name);
    this._read = undefined;
  }

  /** The different texts of a column, sorted: the classes' names where it holds labels. */
  classes(name: string): string[] {
    const seen = new Set<string>();
    for (const value of this.column(name)) seen.add(String(value));
    return [...seen].sort();
  }

  /**
   * Columns of numbers side by side: `[rows, columns]`, float32.
   * @throws TypeError for a column with something else in it.
   */
  tensor(columns: readonly string[] = this.columns): Tensor {
    const width = columns.length;
    const out = new Float32Array(this.length * width);
    columns.forEach((name, c) => {
      const values = this.column(name);
      for (let r = 0; r < values.length; r++) {
        const value = values[r];
        if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "bigint") {
          throw new TypeError(
            `${this._source}: row ${String(r)} of the column ${JSON.stringify(name)} holds ${shown(value)}, which is no number. ` +
              "Name the columns of numbers, or make numbers of it with a transform",
          );
        }
        out[r * width + c] = Number(value);
      }
    });
    return fromData(out, [this.length, width], float32);
  }

  /**
   * What to learn with: `[features, target]`, the features `[columns]` in float32. A target of texts becomes the number
   * of its class among `classes(target)`, int64; one of whole numbers int64; any other float32.
   * @param features all other columns unless given.
   */
  tensors(target: string, features?: readonly string[]): TensorDataset<[Tensor, Tensor]> {
    const x = this.tensor(features ?? this.columns.filter((name) => name !== target));
    return new TensorDataset<[Tensor, Tensor]>(x, this._target(target));
  }

  private _target(name: string): Tensor {
    const values = this.column(name);
    const whole = Array.from(values, (v) =>
      typeof v === "bigint" || typeof v === "boolean" || Number.isSafeInteger(v)
        ? BigInt(v as number)
        : undefined,
    );
    if (!whole.includes(undefined)) {
      return fromData(BigInt64Array.from(whole as bigint[]), [this.length], int64);
    }
    if (typeof values[0] !== "string") return this.tensor([name]).squeeze(1);
    const numbers = new Map(this.classes(name).map((text, i) => [text, BigInt(i)]));
    return fromData(
      BigInt64Array.from(values as string[], (text) => numbers.get(String(text))!),
      [this.length],
      int64,
    );
  }

  private _missing(name: string, of: readonly string[]): KeyError {
    const some = of.slice(0, 20).map((n) => JSON.stringify(n));
    return new KeyError(
      `${this._source} has no column ${JSON.stringify(name)}; its columns are ${some.join(", ")}${of.length > 20 ? ", …" : ""}`,
    );
  }
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : `a ${value.constructor.name}`;
}
