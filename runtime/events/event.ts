/**
 * What a record holds: an event with summaries, as TensorBoard defines them. Only the fields that are used.
 * @see https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
 */
import { ValueError } from "../errors.js";
import { ProtoReader, ProtoWriter } from "../protobuf.js";
import { fromBfloat16, fromFloat16 } from "../tensor/half.js";

export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** The upper bounds of the buckets, ascending, and how many numbers are in each. */
  readonly bucketLimit: readonly number[];
  readonly bucket: readonly number[];
}

export interface EncodedImage {
  readonly height: number;
  readonly width: number;
  /** Channels: 1 grey, 3 colour, 4 colour with opacity. */
  readonly colorspace: number;
  /** PNG, JPEG or GIF. */
  readonly encoded: Uint8Array;
}

export interface EncodedAudio {
  readonly sampleRate: number;
  readonly channels: number;
  readonly frames: number;
  readonly encoded: Uint8Array;
  readonly contentType: string;
}

/** A tensor by its numbers or its strings, row by row. */
export interface TensorSummary {
  readonly shape: readonly number[];
  readonly numbers?: readonly number[];
  readonly strings?: readonly Uint8Array[];
  /** Kept as float32 or float64; float32 unless said. */
  readonly double?: boolean;
}

export interface SummaryValue {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly histogram?: Histogram;
  readonly image?: EncodedImage;
  readonly audio?: EncodedAudio;
  readonly tensor?: TensorSummary;
  /** Which of TensorBoard's views shows it. */
  readonly plugin?: string;
  readonly pluginContent?: Uint8Array;
  readonly displayName?: string;
  readonly description?: string;
}

export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: string;
  readonly values?: readonly SummaryValue[];
  /** A `GraphDef`, encoded. */
  readonly graph?: Uint8Array;
  /** A new start: what was written before from this step on is void. */
  readonly start?: boolean;
}

const dataType = { float: 1, double: 2, string: 7 } as const;
const sessionStart = 1;

function writeTensor(w: ProtoWriter, { shape, numbers, strings, double }: TensorSummary): void {
  w.int(1, strings !== undefined ? dataType.string : double === true ? dataType.double : dataType.float);
  w.message(2, () => {
    for (const size of shape) w.message(2, () => w.int(1, size));
  });
  for (const s of strings ?? []) w.bytes(8, s);
  if (numbers === undefined) return;
  if (double === true) w.doubles(6, numbers);
  else w.bytes(5, new Uint8Array(Float32Array.from(numbers).buffer));
}

function writeValue(w: ProtoWriter, value: SummaryValue): void {
  w.string(1, value.tag);
  if (value.simpleValue !== undefined) w.float(2, value.simpleValue);
  const { image, histogram, audio, tensor, plugin } = value;
  if (image !== undefined) {
    w.message(4, () => {
      w.int(1, image.height);
      w.int(2, image.width);
      w.int(3, image.colorspace);
      w.bytes(4, image.encoded);
    });
  }
  if (histogram !== undefined) {
    w.message(5, () => {
      w.double(1, histogram.min);
      w.double(2, histogram.max);
      w.double(3, histogram.num);
      w.double(4, histogram.sum);
      w.double(5, histogram.sumSquares);
      w.doubles(6, histogram.bucketLimit);
      w.doubles(7, histogram.bucket);
    });
  }
  if (audio !== undefined) {
    w.message(6, () => {
      w.float(1, audio.sampleRate);
      w.int(2, audio.channels);
      w.int(3, audio.frames);
      w.bytes(4, audio.encoded);
      w.string(5, audio.contentType);
    });
  }
  if (tensor !== undefined) w.message(8, () => writeTensor(w, tensor));
  if (plugin === undefined && value.displayName === undefined && value.description === undefined) return;
  w.message(9, () => {
    if (plugin !== undefined) {
      w.message(1, () => {
        w.string(1, plugin);
        if (value.pluginContent !== undefined) w.bytes(2, value.pluginContent);
      });
    }
    if (value.displayName !== undefined) w.string(2, value.displayName);
    if (value.description !== undefined) w.string(3, value.description);
  });
}

/** A record's bytes. */
export function encodeEvent({ wallTime, step, fileVersion, values, graph, start }: Event): Uint8Array {
  const w = new ProtoWriter();
  w.double(1, wallTime);
  if (step !== undefined && step !== 0) w.int(2, step);
  if (fileVersion !== undefined) w.string(3, fileVersion);
  if (graph !== undefined) w.bytes(4, graph);
  if (values !== undefined) {
    w.message(5, () => {
      for (const value of values) w.message(1, () => writeValue(w, value));
    });
  }
  if (start === true) w.message(7, () => w.int(1, sessionStart));
  return w.finish();
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Values in one tensor of a summary that are read. */
const maxNumbers = 1 << 20;

function numbersOf(content: Uint8Array, dtype: number): number[] {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const read: Readonly<Record<number, readonly [size: number, read: (at: number) => number]>> = {
    1: [4, (at) => view.getFloat32(at, true)],
    2: [8, (at) => view.getFloat64(at, true)],
    3: [4, (at) => view.getInt32(at, true)],
    4: [1, (at) => view.getUint8(at)],
    5: [2, (at) => view.getInt16(at, true)],
    6: [1, (at) => view.getInt8(at)],
    9: [8, (at) => Number(view.getBigInt64(at, true))],
    10: [1, (at) => view.getUint8(at)],
    14: [2, (at) => fromBfloat16(view.getUint16(at, true))],
    19: [2, (at) => fromFloat16(view.getUint16(at, true))],
  };
  const [size, at] = read[dtype] ?? [0, () => 0];
  if (size === 0 || content.length % size !== 0 || content.length / size > maxNumbers) return [];
  return Array.from({ length: content.length / size }, (_, i) => at(i * size));
}

function readTensor(r: ProtoReader): TensorSummary {
  let dtype = 0;
  let content: Uint8Array | undefined;
  const shape: number[] = [];
  const strings: Uint8Array[] = [];
  let numbers: number[] = [];
  while (r.next()) {
    if (r.field === 1) dtype = r.integer();
    else if (r.field === 2) {
      for (const s = r.message(); s.next();) {
        if (s.field !== 2) continue;
        let size = 0;
        for (const d = s.message(); d.next();) if (d.field === 1) size = d.integer();
        shape.push(size);
      }
      if (shape.length > 64) throw new ValueError("a tensor of a summary has more than 64 dimensions");
    } else if (r.field === 4) content = r.bytes();
    else if (r.field === 5) numbers = numbers.concat(r.floats());
    else if (r.field === 6) numbers = numbers.concat(r.doubles());
    else if (r.field === 7 || r.field === 10 || r.field === 11) numbers = numbers.concat(r.integers());
    else if (r.field === 13) {
      numbers = numbers.concat(r.integers().map(dtype === 14 ? fromBfloat16 : fromFloat16));
    } else if (r.field === 8) strings.push(r.bytes());
  }
  if (strings.length > 0) return { shape, strings };
  if (content !== undefined && content.length > 0) numbers = numbersOf(content, dtype);
  return { shape, numbers };
}

function readHistogram(r: ProtoReader): Histogram {
  const h = { min: 0, max: 0, num: 0, sum: 0, sumSquares: 0 };
  let bucketLimit: number[] = [];
  let bucket: number[] = [];
  const names = ["", "min", "max", "num", "sum", "sumSquares"] as const;
  while (r.next()) {
    const name = names[r.field];
    if (name !== undefined && name !== "") h[name] = r.double();
    else if (r.field === 6) bucketLimit = bucketLimit.concat(r.doubles());
    else if (r.field === 7) bucket = bucket.concat(r.doubles());
  }
  return { ...h, bucketLimit, bucket };
}

function readImage(r: ProtoReader): EncodedImage {
  const image: Writable<EncodedImage> = { height: 0, width: 0, colorspace: 0, encoded: new Uint8Array() };
  while (r.next()) {
    if (r.field === 1) image.height = r.integer();
    else if (r.field === 2) image.width = r.integer();
    else if (r.field === 3) image.colorspace = r.integer();
    else if (r.field === 4) image.encoded = r.bytes();
  }
  return image;
}

function readAudio(r: ProtoReader): EncodedAudio {
  const audio: Writable<EncodedAudio> = {
    sampleRate: 0,
    channels: 0,
    frames: 0,
    encoded: new Uint8Array(),
    contentType: "",
  };
  while (r.next()) {
    if (r.field === 1) audio.sampleRate = r.float();
    else if (r.field === 2) audio.channels = r.integer();
    else if (r.field === 3) audio.frames = r.integer();
    else if (r.field === 4) audio.encoded = r.bytes();
    else if (r.field === 5) audio.contentType = r.string();
  }
  return audio;
}

function readMetadata(r: ProtoReader, value: Writable<SummaryValue>): void {
  while (r.next()) {
    if (r.field === 1) {
      for (const p = r.message(); p.next();) {
        if (p.field === 1) value.plugin = p.string();
        else if (p.field === 2) value.pluginContent = p.bytes();
      }
    } else if (r.field === 2) value.displayName = r.string();
    else if (r.field === 3) value.description = r.string();
  }
}

function readValue(r: ProtoReader): SummaryValue {
  const value: Writable<SummaryValue> = { tag: "" };
  while (r.next()) {
    if (r.field === 1) value.tag = r.string();
    else if (r.field === 2) value.simpleValue = r.float();
    else if (r.field === 4) value.image = readImage(r.message());
    else if (r.field === 5) value.histogram = readHistogram(r.message());
    else if (r.field === 6) value.audio = readAudio(r.message());
    else if (r.field === 8) value.tensor = readTensor(r.message());
    else if (r.field === 9) readMetadata(r.message(), value);
  }
  return value;
}

/** The event in a record. @throws ValueError for bytes that are none. */
export function decodeEvent(bytes: Uint8Array): Event {
  const event: Writable<Event> = { wallTime: 0 };
  const values: SummaryValue[] = [];
  for (const r = new ProtoReader(bytes); r.next();) {
    if (r.field === 1) event.wallTime = r.double();
    else if (r.field === 2) event.step = r.integer();
    else if (r.field === 3) event.fileVersion = r.string();
    else if (r.field === 4) event.graph = r.bytes();
    else if (r.field === 5) {
      for (const s = r.message(); s.next();) if (s.field === 1) values.push(readValue(s.message()));
    } else if (r.field === 7) {
      for (const s = r.message(); s.next();) {
        if (s.field === 1 && s.integer() === sessionStart) event.start = true;
      }
    }
  }
  if (values.length > 0) event.values = values;
  return event;
}
