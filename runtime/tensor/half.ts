/**
 * float16 and bfloat16 as bit patterns. Rounding is to nearest, ties to even, from float32; a float64 goes through
 * float32 first, as `c10::Half(double)` does.
 */

const wordFloat = new Float32Array(1);
const word = new Int32Array(wordFloat.buffer);

/** The float16 nearest to the float32 whose bits are `bits`. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const abs = bits & 0x7fffffff;
  if (abs > 0x7f800000) return sign | 0x7e00;
  // 65520 is half-way to the first power of two that does not fit, and goes up.
  if (abs >= 0x477ff000) return sign | 0x7c00;
  if (abs >= 0x38800000) {
    const rebased = abs - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (abs <= 0x33000000) return sign;
  // Subnormal: the value is mantissa * 2^(exponent - 150), the unit 2^-24.
  const shift = 126 - (abs >>> 23);
  const mantissa = (abs & 0x7fffff) | 0x800000;
  const floor = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return sign | (rest > tie || (rest === tie && (floor & 1) === 1) ? floor + 1 : floor);
}

/** The bfloat16 nearest to the float32 whose bits are `bits`. */
function brainBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The bits of the float16 nearest to `value`. */
export function toFloat16(value: number): number {
  wordFloat[0] = value;
  return halfBits(word[0]!);
}

/** The bits of the bfloat16 nearest to `value`. */
export function toBfloat16(value: number): number {
  wordFloat[0] = value;
  return brainBits(word[0]!);
}

/** The value of a float16 given as bits. */
export function fromFloat16(bits: number): number {
  return halfTable()[bits & 0xffff]!;
}

/** The value of a bfloat16 given as bits. */
export function fromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return wordFloat[0]!;
}

/** `value` rounded to float16, as a number. */
export function roundFloat16(value: number): number {
  return fromFloat16(toFloat16(value));
}

/** `value` rounded to bfloat16, as a number. */
export function roundBfloat16(value: number): number {
  return fromBfloat16(toBfloat16(value));
}

let table: Float32Array | undefined;

function halfTable(): Float32Array {
  if (table) return table;
  table = new Float32Array(0x10000);
  for (let bits = 0; bits < 0x8000; bits++) {
    const exponent = bits >>> 10;
    const mantissa = bits & 0x3ff;
    const abs =
      exponent === 0
        ? mantissa * 2 ** -24
        : exponent === 31
          ? mantissa === 0
            ? Infinity
            : NaN
          : (1024 + mantissa) * 2 ** (exponent - 25);
    table[bits] = abs;
    table[bits | 0x8000] = -abs;
  }
  return table;
}

function sized(length: number, out: Uint16Array<ArrayBuffer> | undefined): Uint16Array<ArrayBuffer> {
  if (out === undefined) return new Uint16Array(length);
  if (out.length !== length) throw new RangeError(`expected ${length} elements to write, got ${out.length}`);
  return out;
}

/** Numbers to float16 bits; `out`, if given, has the same length. */
export function encodeFloat16(
  values: Float32Array | Float64Array,
  out?: Uint16Array<ArrayBuffer>,
): Uint16Array<ArrayBuffer> {
  const target = sized(values.length, out);
  if (values instanceof Float32Array) {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) target[i] = halfBits(bits[i]!);
  } else {
    for (let i = 0; i < values.length; i++) {
      wordFloat[0] = values[i]!;
      target[i] = halfBits(word[0]!);
    }
  }
  return target;
}

/** Numbers to bfloat16 bits; `out`, if given, has the same length. */
export function encodeBfloat16(
  values: Float32Array | Float64Array,
  out?: Uint16Array<ArrayBuffer>,
): Uint16Array<ArrayBuffer> {
  const target = sized(values.length, out);
  if (values instanceof Float32Array) {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) target[i] = brainBits(bits[i]!);
  } else {
    for (let i = 0; i < values.length; i++) {
      wordFloat[0] = values[i]!;
      target[i] = brainBits(word[0]!);
    }
  }
  return target;
}

/** float16 bits to float32, exactly. */
export function decodeFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  const values = halfTable();
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i]!]!;
  return out;
}

/** bfloat16 bits to float32, exactly. */
export function decodeBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Int32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}
