/** Elements of a tensor as numbers; int64 stays exact. Complex numbers are two elements each. */
export type Elements = Float64Array | BigInt64Array;

/** float16: 1 sign, 5 exponent, 10 fraction bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 is the upper half of a float32. */
function fromBrain(bits: readonly number[] | Uint16Array): Float64Array {
  const words = Uint32Array.from(bits, (b) => b << 16);
  return Float64Array.from(new Float32Array(words.buffer));
}

/** Reads little-endian bytes in C order. */
export function elements(dtype: string, bytes: Uint8Array): Elements {
  const { buffer } = bytes.slice();
  switch (dtype) {
    case "bool":
      return Float64Array.from(bytes, (b) => (b === 0 ? 0 : 1));
    case "uint8":
      return Float64Array.from(bytes);
    case "int8":
      return Float64Array.from(new Int8Array(buffer));
    case "int16":
      return Float64Array.from(new Int16Array(buffer));
    case "int32":
      return Float64Array.from(new Int32Array(buffer));
    case "int64":
      return new BigInt64Array(buffer);
    case "float16":
      return Float64Array.from(new Uint16Array(buffer), fromHalf);
    case "bfloat16":
      return fromBrain(new Uint16Array(buffer));
    case "float32":
    case "complex64":
      return Float64Array.from(new Float32Array(buffer));
    case "float64":
    case "complex128":
      return new Float64Array(buffer);
    default:
      throw new Error(`No elements of dtype ${dtype}.`);
  }
}

export const isFloating = (dtype: string): boolean => /^(b?float|complex)/.test(dtype);

/** The tolerances PyTorch's `assert_close` has for a dtype. */
export function defaultTolerance(dtype: string): readonly [rtol: number, atol: number] {
  switch (dtype) {
    case "float16":
      return [1e-3, 1e-5];
    case "bfloat16":
      return [1.6e-2, 1e-5];
    case "float32":
    case "complex64":
      return [1.3e-6, 1e-5];
    case "float64":
    case "complex128":
      return [1e-7, 1e-7];
    default:
      return [0, 0];
  }
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** CRC-32 as zlib computes it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
