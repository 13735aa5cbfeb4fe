import { bound } from "../../ops/arguments.js";
import { readParquet } from "../files/parquet.js";
import { TableDataset, type Row, type TableOptions } from "./table.js";

const signature = "Parquet(str file, *, any columns=None, any transform=None) -> any";

/**
 * A Parquet file. Sample i is row i as an object of cells by the columns' names: numbers (NaN where one is missing),
 * texts, booleans, dates; lists and structures as such. Only the `columns` asked for are read. Pages may be plain or
 * packed with Snappy, GZIP or Brotli, and with Zstandard where Node unpacks it.
 *
 *     const train = new datasets.Parquet("train.parquet").tensors("label");
 *
 * @throws FileNotFoundError; ValueError when the file is damaged or too large; KeyError for a column that is not there.
 */
export class Parquet<X = Row> extends TableDataset<X> {
  constructor(file: string, options: TableOptions<X> = {}) {
    const o = bound(signature, [file, options]) as unknown as TableOptions<X>;
    const { names, rows, columns } = readParquet(file, o.columns ?? null);
    super(file, names, rows, (name) => columns.get(name)!, o);
  }
}
