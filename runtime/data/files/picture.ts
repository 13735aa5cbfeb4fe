/** Pictures as files hold them: PNG and JPEG. Eight bits a channel come out, whatever is in the file. */
import * as jpeg from "jpeg-js";
import { PNG } from "pngjs";
import * as zlib from "node:zlib";
import { NotImplementedError, ValueError } from "../../errors.js";

/** Colours side by side, pixels from the left, rows from the top. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly data: Uint8Array;
}

/** No picture with more pixels is unpacked: a small file can claim any size. */
const maxPixels = 1 << 27;
const maxJpegMebibytes = 1024;

const pngStart = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Kinds that are known by their first bytes and not read. */
const others: readonly (readonly [name: string, at: number, magic: string])[] = [
  ["GIF", 0, "GIF8"],
  ["BMP", 0, "BM"],
  ["TIFF", 0, "II*\0"],
  ["TIFF", 0, "MM\0*"],
  ["WebP", 8, "WEBP"],
  ["AVIF or HEIC", 4, "ftyp"],
];

/**
 * The pixels of a PNG or JPEG file. Palettes are looked up, 16 bits are scaled to eight, CMYK becomes RGB.
 * @param what names the file in errors.
 * @throws ValueError when it is damaged or too large; NotImplementedError for another kind of picture.
 */
export function decodePicture(bytes: Buffer, what: string): Pixels {
  const isPng = bytes.subarray(0, 8).equals(pngStart);
  if (!isPng && !(bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff)) {
    const kind = others.find(([, at, magic]) => bytes.toString("latin1", at, at + magic.length) === magic);
    if (kind !== undefined) {
      throw new NotImplementedError(`${what} is a ${kind[0]} picture; PNG and JPEG are read`);
    }
    throw new ValueError(`${what} is no PNG or JPEG picture: it does not begin as one`);
  }
  try {
    return isPng ? decodePng(bytes) : decodeJpeg(bytes);
  } catch (error) {
    throw new ValueError(`${what} cannot be read as a picture: ${(error as Error).message}`);
  }
}

function decodeJpeg(bytes: Buffer): Pixels {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    // Half a picture would be a wrong sample.
    tolerantDecoding: false,
    maxResolutionInMP: maxPixels / 1e6,
    maxMemoryUsageInMB: maxJpegMebibytes,
  });
  return { width, height, channels: 3, data };
}

interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a pixel. */
  readonly depth: number;
  readonly interlaced: boolean;
  /** Neither colour nor opacity. */
  readonly grey: boolean;
  readonly opacity: boolean;
}

/** The IHDR chunk, which is always the first. */
function pngHeader(bytes: Buffer): PngHeader {
  if (bytes.length < 33 || bytes.toString("latin1", 12, 16) !== "IHDR") throw new Error("it has no header");
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const kind = bytes[25]!;
  if (width === 0 || height === 0) throw new Error("it has no pixels");
  if (width * height > maxPixels) {
    throw new Error(
      `it has ${String(width)} × ${String(height)} pixels, and ${String(maxPixels)} are the most`,
    );
  }
  const samples = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[kind];
  if (samples === undefined) throw new Error(`it has the colour type ${String(kind)}`);
  return {
    width,
    height,
    depth: samples * bytes[24]!,
    interlaced: bytes[28] === 1,
    grey: kind === 0,
    opacity: kind >= 4,
  };
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

function* chunksOf(bytes: Buffer): Generator<Chunk> {
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    yield {
      type: bytes.toString("latin1", at + 4, at + 8),
      data: bytes.subarray(at + 8, at + 8 + length),
    };
    at += length + 12;
  }
}

/** Interlaced data is unpacked without a limit by the reader: whether it keeps to its size is seen here first. */
function checkInterlaced(chunks: readonly Chunk[], { width, height, depth }: PngHeader): void {
  const parts = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  // Seven passes, each of whose rows has a byte for its filter and may waste bits at its end.
  const most = Math.ceil((width * height * depth) / 8) + 7 * 2 * (height + 1);
  zlib.inflateSync(Buffer.concat(parts), { maxOutputLength: most });
}

function decodePng(bytes: Buffer): Pixels {
  const header = pngHeader(bytes);
  const chunks = [...chunksOf(bytes)];
  if (header.interlaced) checkInterlaced(chunks, header);
  const { width, height, data } = PNG.sync.read(bytes);
  if (header.opacity || chunks.some(({ type }) => type === "tRNS")) {
    return { width, height, channels: 4, data: new Uint8Array(data) };
  }
  const channels = header.grey ? 1 : 3;
  const out = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) out[channels * i + c] = data[4 * i + c]!;
  }
  return { width, height, channels, data: out };
}
