import { pathToFileURL } from "node:url";
import type { Draw } from "../../../runtime/random/distributions.js";
import type { DTypeName } from "../../../runtime/tensor/dtype.js";
import { allocate } from "../../../runtime/tensor/dtype.js";
import type { HostArray } from "../../../runtime/tensor/dtype.js";
import { toBfloat16, toFloat16 } from "../../../runtime/tensor/half.js";

/** A tensor parameter as the oracle reads it. */
export interface TensorValue {
  readonly dtype: DTypeName;
  readonly data: readonly number[];
}

/** A draw whose tensor parameters are {@link TensorValue}s and whose large integers are decimal strings. */
export interface DrawCase {
  readonly kind: Draw["kind"];
  readonly dtype: DTypeName;
  readonly count: number;
  readonly [parameter: string]: unknown;
}

export interface Case {
  readonly seed: string;
  readonly draws: readonly DrawCase[];
  /** Ask for the whole state, not only its CRC. */
  readonly state?: boolean;
}

const floats = ["float32", "float64", "float16", "bfloat16"] as const;
const integers = ["int64", "int32", "int16", "int8", "uint8", "bool"] as const;
const all = [...floats, ...integers] as const;
const noHalf = all.filter((dtype) => dtype !== "float16");
const goldenSizes = [1, 3, 16, 35];

function ramp(count: number, dtype: DTypeName, from: number, step: number): TensorValue {
  return { dtype, data: Array.from({ length: count }, (_, i) => from + step * i) };
}

/** Every kind of draw over dtypes, sizes on both sides of 16 and parameters; `seed` moves all of them. */
export function cases(seed: number, sizes: readonly number[] = goldenSizes): Case[] {
  const list: Case[] = [];
  const add = (...draws: DrawCase[]): void => {
    // Each draw twice: the second starts where the first left the generator.
    list.push({ seed: String(seed + list.length), draws: draws.length === 1 ? [...draws, ...draws] : draws });
  };
  for (const count of sizes) {
    for (const dtype of floats) {
      add({ kind: "uniform", dtype, count, from: 0, to: 1 });
      add({ kind: "uniform", dtype, count, from: -2, to: 3 });
      add({ kind: "uniform", dtype, count, from: 0.1, to: 0.3 });
      add({ kind: "normal", dtype, count, mean: 0, std: 1 });
      add({ kind: "normal", dtype, count, mean: 1.25, std: 0.3 });
      add({ kind: "normal", dtype, count, mean: 0, std: 1, contiguous: false });
      add({ kind: "exponential", dtype, count, lambd: 1.5 });
      add({ kind: "geometric", dtype, count, p: 0.3 });
      add({ kind: "cauchy", dtype, count, median: 0.5, sigma: 2 });
      add({ kind: "logNormal", dtype, count, mean: 1, std: 2 });
      add({
        kind: "normal",
        dtype,
        count,
        mean: ramp(count, dtype, -1, 0.5),
        std: ramp(count, dtype, 0.5, 0.25),
      });
      add({ kind: "normal", dtype, count, mean: ramp(count, dtype, -1, 0.5), std: 0.5 });
      add({ kind: "normal", dtype, count, mean: 2, std: ramp(count, dtype, 0.5, 0.25) });
    }
    for (const dtype of noHalf) {
      add({ kind: "bernoulli", dtype, count, p: 0.3 });
      for (const p of ["float32", "float64", "bfloat16"] as const) {
        add({ kind: "bernoulli", dtype, count, p: ramp(count, p, 0, 1 / 256) });
      }
    }
    for (const dtype of all) {
      add({ kind: "random", dtype, count });
      add({ kind: "randint", dtype, count, from: "0", to: "2" });
      if (dtype !== "bool") {
        add({ kind: "randint", dtype, count, from: "3", to: "101" });
        add({ kind: "randint", dtype, count, from: "5", to: null });
        add({ kind: "randperm", dtype, count });
        add({ kind: "geometric", dtype, count, p: 0.7 });
      }
    }
    for (const dtype of ["int64", "float32", "float64", "bfloat16"] as const) {
      add({ kind: "randint", dtype, count, from: "-9223372036854775808", to: null });
      add({ kind: "randint", dtype, count, from: "-9223372036854775807", to: "9223372036854775807" });
      add({ kind: "randint", dtype, count, from: "0", to: "4294967296" });
      add({ kind: "randint", dtype, count, from: "-5", to: "4294967295" });
      add({ kind: "randint", dtype, count, from: "1152921504606846976", to: "1152921504607846976" });
    }
    add({ kind: "randint", dtype: "int64", count, from: "0", to: "4294967295" });
    add({ kind: "randint", dtype: "int32", count, from: "-2147483648", to: null });
    add({ kind: "randint", dtype: "int32", count, from: "-2147483648", to: "2147483647" });
    for (const dtype of ["float32", "float64", "bfloat16"] as const) {
      add({ kind: "truncNormal", dtype, count, mean: 0, std: 1, a: -2, b: 2 });
      add({ kind: "truncNormal", dtype, count, mean: 0.5, std: 0.7, a: -1, b: 1 });
      add({ kind: "poisson", dtype, count, rate: ramp(count, dtype, 0, 0.5) });
    }
    for (const dtype of ["float32", "float64"] as const) {
      add({ kind: "rrelu", dtype, count, input: ramp(count, dtype, -10, 1), lower: 0.125, upper: 1 / 3 });
    }
  }
  for (const dtype of ["float32", "float64", "bfloat16"] as const) {
    for (const [rows, samples, categories] of [
      [1, 1, 5],
      [1, 4, 5],
      [1, 10, 200],
      [2, 3, 3],
      [3, 20, 21],
    ] as const) {
      const input = ramp(rows * categories, dtype, 0.25, 0.125);
      const count = rows * samples;
      add({ kind: "multinomial", dtype: "int64", count, input, rows, replacement: true });
      // bfloat16 weights tie, and tied weights come out in the order of a sort that is not stable.
      if (dtype !== "bfloat16") {
        add({ kind: "multinomial", dtype: "int64", count, input, rows, replacement: false });
      }
    }
  }
  // Odd normal draws leave a cached number that only the next scalar normal draw takes.
  const mixed: DrawCase[] = [
    { kind: "normal", dtype: "float32", count: 3, mean: 0, std: 1 },
    { kind: "uniform", dtype: "float32", count: 1000, from: 0, to: 1 },
    { kind: "normal", dtype: "float32", count: 20, mean: 0, std: 1 },
    { kind: "normal", dtype: "float64", count: 1, mean: 0, std: 1 },
    { kind: "randperm", dtype: "int64", count: 10 },
    { kind: "logNormal", dtype: "float32", count: 5, mean: 0, std: 1 },
    { kind: "bernoulli", dtype: "float32", count: 7, p: 0.5 },
  ];
  for (let length = 1; length <= mixed.length; length++) {
    list.push({ seed: String(seed + length), draws: mixed.slice(0, length), state: true });
  }
  for (const special of ["0", "-1", "18446744073709551615", "4294967296", "12345678901234567890"]) {
    list.push({ seed: special, draws: [{ kind: "random", dtype: "int64", count: 2 }], state: true });
  }
  return list;
}

function host(value: TensorValue): HostArray {
  const out = allocate(value.dtype, value.data.length);
  value.data.forEach((number, i) => {
    out[i] =
      value.dtype === "bfloat16"
        ? toBfloat16(number)
        : value.dtype === "float16"
          ? toFloat16(number)
          : number;
  });
  return out;
}

/** The draw itself. */
export function toDraw(source: DrawCase): Draw {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source)) {
    const isTensor = typeof value === "object" && value !== null && "data" in value;
    const isBound = (key === "from" || key === "to") && typeof value === "string";
    out[key] = isTensor ? host(value as TensorValue) : isBound ? BigInt(value) : value;
  }
  return out as unknown as Draw;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(cases(0)));
}
