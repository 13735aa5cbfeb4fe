/** A Parquet file of flat columns, as small as the format allows: one row group, one page a column. */
import zlib from "node:zlib";

type Value = number | string | boolean | bigint | null;
type Kind = "BOOLEAN" | "INT32" | "INT64" | "DOUBLE" | "BYTE_ARRAY";
type Codec = "UNCOMPRESSED" | "GZIP" | "ZSTD" | "LZO";

const kinds: Record<Kind, number> = { BOOLEAN: 0, INT32: 1, INT64: 2, DOUBLE: 5, BYTE_ARRAY: 6 };
const codecs: Record<Codec, number> = { UNCOMPRESSED: 0, GZIP: 2, LZO: 3, ZSTD: 6 };

export interface ParquetColumn {
  readonly name: string;
  readonly kind: Kind;
  readonly values: readonly Value[];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

const zigzag = (value: number): Buffer => varint(value * 2);
const string = (text: string): Buffer => Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)]);

/** Fields of Thrift's compact protocol: i32 is 5, i64 6, binary 8, list 9, struct 12. */
type Field = readonly [id: number, type: number, bytes: Buffer];
const i32 = (id: number, value: number): Field => [id, 5, zigzag(value)];
const i64 = (id: number, value: number): Field => [id, 6, zigzag(value)];
const text = (id: number, value: string): Field => [id, 8, string(value)];
const inner = (id: number, ...fields: readonly Field[]): Field => [id, 12, struct(...fields)];
const list = (id: number, type: number, items: readonly Buffer[]): Field => [
  id,
  9,
  Buffer.concat([Buffer.from([(items.length << 4) | type]), ...items]),
];

function struct(...fields: readonly Field[]): Buffer {
  let last = 0;
  const parts = fields.map(([id, type, bytes]) => {
    const head = Buffer.from([((id - last) << 4) | type]);
    last = id;
    return Buffer.concat([head, bytes]);
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function plain(kind: Kind, values: readonly Value[]): Buffer {
  if (kind === "BOOLEAN") {
    const out = Buffer.alloc(Math.ceil(values.length / 8));
    values.forEach((value, i) => {
      if (value === true) out[i >> 3]! |= 1 << (i % 8);
    });
    return out;
  }
  return Buffer.concat(
    values.map((value) => {
      if (kind === "BYTE_ARRAY") {
        const bytes = Buffer.from(String(value));
        const size = Buffer.alloc(4);
        size.writeUInt32LE(bytes.length);
        return Buffer.concat([size, bytes]);
      }
      const out = Buffer.alloc(kind === "INT32" ? 4 : 8);
      if (kind === "INT32") out.writeInt32LE(value as number);
      else if (kind === "INT64") out.writeBigInt64LE(BigInt(value as bigint));
      else out.writeDoubleLE(value as number);
      return out;
    }),
  );
}

export function parquet(
  columns: readonly ParquetColumn[],
  codec: Codec = "UNCOMPRESSED",
  claim: { readonly rows?: number } = {},
): Buffer {
  const rows = columns[0]?.values.length ?? 0;
  let at = 4;
  const pages: Buffer[] = [];
  const chunks = columns.map(({ name, kind, values }) => {
    // Definition levels, bit-packed: which values are there.
    const bits = Buffer.alloc(Math.ceil(rows / 8));
    values.forEach((value, i) => {
      if (value !== null) bits[i >> 3]! |= 1 << (i % 8);
    });
    const levels = Buffer.concat([varint((bits.length << 1) | 1), bits]);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(levels.length);
    const data = Buffer.concat([
      size,
      levels,
      plain(
        kind,
        values.filter((v) => v !== null),
      ),
    ]);
    const body = codec === "GZIP" ? zlib.gzipSync(data) : data;
    const header = struct(
      i32(1, 0),
      i32(2, data.length),
      i32(3, body.length),
      inner(5, i32(1, rows), i32(2, 0), i32(3, 3), i32(4, 3)),
    );
    const page = Buffer.concat([header, body]);
    pages.push(page);
    const meta = inner(
      3,
      i32(1, kinds[kind]),
      list(2, 5, [zigzag(0)]),
      list(3, 8, [string(name)]),
      i32(4, codecs[codec]),
      i64(5, rows),
      i64(6, header.length + data.length),
      i64(7, page.length),
      i64(9, at),
    );
    const chunk = struct(i64(2, at), meta);
    at += page.length;
    return chunk;
  });
  const claimed = claim.rows ?? rows;
  const schema = [
    struct(text(4, "schema"), i32(5, columns.length)),
    ...columns.map(({ name, kind }) =>
      struct(i32(1, kinds[kind]), i32(3, 1), text(4, name), ...(kind === "BYTE_ARRAY" ? [i32(6, 0)] : [])),
    ),
  ];
  const group = struct(list(1, 12, chunks), i64(2, at), i64(3, claimed));
  const footer = struct(i32(1, 1), list(2, 12, schema), i64(3, claimed), list(4, 12, [group]));
  const end = Buffer.alloc(4);
  end.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from("PAR1"), ...pages, footer, end, Buffer.from("PAR1")]);
}
