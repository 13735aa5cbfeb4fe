import assert from "node:assert/strict";
import fs from "node:fs";
import { suite, test } from "node:test";
import zlib from "node:zlib";
import { draw } from "../../../runtime/random/distributions.js";
import { Mt19937 } from "../../../runtime/random/mt19937.js";
import { viewAs } from "../../../runtime/tensor/dtype.js";
import type { DTypeName, HostArray } from "../../../runtime/tensor/dtype.js";
import { initialise } from "./recipes.js";

/**
 * The `rng` family of the conformance corpus, where a case is nothing but draws: functions, initialisers, and the
 * default initialisation of layers by the recipes the nn package follows.
 */

const folder = "../shared/corpus/open";

type Value =
  | number
  | boolean
  | string
  | null
  | { $t?: [DTypeName, number[], number]; $f?: number; $dtype?: DTypeName }
  | number[];
interface Argument {
  readonly name: string;
  readonly value: Value;
}
interface Step {
  readonly name: string;
  readonly call: readonly Argument[];
  readonly out: { $t: [DTypeName, number[], number] };
}
interface RngCase {
  readonly id: string;
  readonly name: string;
  readonly seed: number;
  readonly steps?: readonly Step[];
  readonly ctor?: readonly Argument[];
  readonly kwargs?: { batch_size: number; shuffle?: boolean; drop_last?: boolean };
  readonly expect?: {
    state?: Record<string, { $t: [DTypeName, number[], number] }>;
    epochs?: { $t: [DTypeName, number[], number] }[][];
    indices?: number[][];
  };
  readonly compare: "exact" | "close";
  readonly tol: [number, number];
  readonly state_after_crc32?: number;
}

const available = fs.existsSync(`${folder}/rng.jsonl`);
const bytes = available ? new Uint8Array(fs.readFileSync(`${folder}/rng.bin`)).buffer : new ArrayBuffer(0);

function tensor([dtype, shape, offset]: [DTypeName, number[], number]): { data: HostArray; shape: number[] } {
  const count = shape.reduce((product, size) => product * size, 1);
  const width = viewAs(dtype, bytes, 0, 0).BYTES_PER_ELEMENT;
  return { data: viewAs(dtype, bytes.slice(offset, offset + count * width)), shape };
}

function check(actual: HostArray, expected: HostArray, item: RngCase, where: string): void {
  if (item.compare === "exact") {
    assert.deepEqual(actual, expected, where);
    return;
  }
  assert.equal(actual.length, expected.length, where);
  const [relative, absolute] = item.tol;
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [Number(actual[i]), Number(expected[i])];
    assert.ok(Math.abs(a - b) <= relative * Math.abs(b) + absolute, `${where}[${i}]: ${a} for ${b}`);
  }
}

/** The result of one step, or null where it takes more than draws (a QR decomposition). */
function perform(gen: Mt19937, step: Step): HostArray | null {
  const args = new Map(step.call.map((argument) => [argument.name, argument.value]));
  const number = (name: string, fallback: number): number => {
    const value = args.get(name);
    if (value === undefined) return fallback;
    return typeof value === "number" ? value : (value as { $f: number }).$f;
  };
  const input = (name: string): { data: HostArray; shape: number[] } =>
    tensor((args.get(name) as { $t: [DTypeName, number[], number] }).$t);
  const [dtype, shape] = step.out.$t;
  const count = shape.reduce((product, size) => product * size, 1);
  const normal = (mean: number | HostArray, std: number | HostArray): HostArray =>
    draw("normal", gen, dtype, count, { mean, std });
  const uniform = (from: number, to: number): HostArray => draw("uniform", gen, dtype, count, { from, to });
  const parameter = (name: string): number | HostArray => {
    const value = args.get(name);
    return typeof value === "object" && value !== null && "$t" in value
      ? input(name).data
      : number(name, NaN);
  };
  const receptive = shape.slice(2).reduce((product, size) => product * size, 1);
  const [fanIn, fanOut] = [shape[1]! * receptive, shape[0]! * receptive];
  const fan = args.get("mode") === "fan_out" ? fanOut : fanIn;
  const gain = args.get("nonlinearity") === "relu" ? Math.SQRT2 : Math.sqrt(2 / (1 + number("a", 0) ** 2));

  switch (step.name) {
    case "rand":
    case "rand_like":
      return uniform(0, 1);
    case "randn":
    case "randn_like":
      return normal(0, 1);
    case "randint":
    case "randint_like":
      return draw("randint", gen, dtype, count, { from: number("low", 0), to: number("high", NaN) });
    case "randperm":
      return draw("randperm", gen, dtype, count, {});
    case "Tensor.uniform_":
      return uniform(number("from_", 0), number("to", 1));
    case "nn.init.uniform_":
      return uniform(number("a", 0), number("b", 1));
    case "Tensor.normal_":
    case "nn.init.normal_":
      return normal(number("mean", 0), number("std", 1));
    case "normal":
      return normal(parameter("mean"), parameter("std"));
    case "Tensor.log_normal_":
      return draw("logNormal", gen, dtype, count, { mean: number("mean", 1), std: number("std", 2) });
    case "Tensor.exponential_":
      return draw("exponential", gen, dtype, count, { lambd: number("lambd", 1) });
    case "Tensor.cauchy_":
      return draw("cauchy", gen, dtype, count, { median: number("median", 0), sigma: number("sigma", 1) });
    case "Tensor.geometric_":
      return draw("geometric", gen, dtype, count, { p: number("p", NaN) });
    case "Tensor.bernoulli_":
      return draw("bernoulli", gen, dtype, count, { p: args.has("p") ? parameter("p") : 0.5 });
    case "bernoulli":
      return draw("bernoulli", gen, dtype, count, { p: input("input").data });
    case "Tensor.random_":
      return args.has("to") || args.has("from_")
        ? draw("randint", gen, dtype, count, { from: number("from_", 0), to: number("to", NaN) })
        : draw("random", gen, dtype, count, {});
    case "poisson":
      return draw("poisson", gen, dtype, count, { rate: input("input").data });
    case "multinomial": {
      const { data, shape: sizes } = input("input");
      const rows = sizes.length === 2 ? sizes[0]! : 1;
      const replacement = args.get("replacement") === true;
      return draw("multinomial", gen, "int64", count, { input: data, rows, replacement });
    }
    case "nn.functional.dropout": {
      const keep = 1 - number("p", 0.5);
      const mask = draw("bernoulli", gen, dtype, count, { p: keep }) as Float32Array<ArrayBuffer>;
      const { data } = input("input");
      return mask.map((kept, i) => Number(data[i]) * Math.fround(kept / keep));
    }
    case "nn.init.trunc_normal_": {
      const [mean, std, a, b] = [number("mean", 0), number("std", 1), number("a", -2), number("b", 2)];
      return draw("truncNormal", gen, dtype, count, { mean, std, a, b });
    }
    case "nn.init.xavier_uniform_": {
      const bound = Math.sqrt(3) * number("gain", 1) * Math.sqrt(2 / (fanIn + fanOut));
      return uniform(-bound, bound);
    }
    case "nn.init.xavier_normal_":
      return normal(0, number("gain", 1) * Math.sqrt(2 / (fanIn + fanOut)));
    case "nn.init.kaiming_uniform_": {
      const bound = (Math.sqrt(3) * gain) / Math.sqrt(fan);
      return uniform(-bound, bound);
    }
    case "nn.init.kaiming_normal_":
      return normal(0, gain / Math.sqrt(fan));
    case "nn.init.sparse_": {
      const [rows, columns] = shape as [number, number];
      const out = normal(0, number("std", 0.01));
      const zeros = Math.ceil(number("sparsity", NaN) * rows);
      for (let column = 0; column < columns; column++) {
        const order = draw("randperm", gen, "int32", rows, {}) as Int32Array;
        for (const row of order.subarray(0, zeros)) out[row * columns + column] = 0;
      }
      return out;
    }
    case "nn.init.orthogonal_":
      normal(0, 1);
      return null;
    default:
      assert.match(step.name, /^nn\.init\.(constant|ones|zeros|eye|dirac)_$/, "a step without a recipe");
      return null;
  }
}

suite("the corpus' random numbers", () => {
  if (!available) {
    test("the corpus", (context) => {
      assert.equal(process.env.CI, undefined, "the corpus is not beside the checkout in CI");
      context.skip("../shared/corpus is not there");
    });
    return;
  }
  const list = fs
    .readFileSync(`${folder}/rng.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as RngCase);
  for (const name of new Set(list.map((item) => item.name))) {
    const items = list.filter((item) => item.name === name);
    test(`${name}: ${items.length} cases`, () => {
      for (const item of items) {
        const gen = new Mt19937(item.seed);
        for (const [i, step] of (item.steps ?? []).entries()) {
          const out = perform(gen, step);
          if (out !== null) check(out, tensor(step.out.$t).data, item, `${item.id} step ${i}`);
        }
        if (item.kwargs !== undefined) checkLoader(gen, item);
        if (item.expect?.indices !== undefined) {
          const order = draw("randperm", gen, "int32", 23, {}) as Int32Array;
          assert.deepEqual(Array.from(order), item.expect.indices.flat());
        }
        if (item.expect?.state !== undefined) checkModule(gen, item);
        if (item.state_after_crc32 !== undefined) {
          assert.equal(zlib.crc32(gen.getState()), item.state_after_crc32, `${item.id}: state after`);
        }
      }
    });
  }
});

/** An epoch draws a base seed when iteration starts, then the seed of the permutation's own generator. */
function checkLoader(gen: Mt19937, item: RngCase): void {
  const { batch_size: size, shuffle = false } = item.kwargs!;
  for (const epoch of item.expect!.epochs!) {
    draw("random", gen, "int64", 1, {});
    let order: ArrayLike<number> = Array.from({ length: 23 }, (_, i) => i);
    if (shuffle) {
      const [seed] = draw("random", gen, "int64", 1, {}) as BigInt64Array;
      order = draw("randperm", new Mt19937(seed), "int32", 23, {}) as Int32Array;
    }
    epoch.forEach((batch, i) => {
      const expected = Array.from<number | bigint, number>(tensor(batch.$t).data, Number);
      assert.deepEqual(Array.from(order).slice(i * size, i * size + expected.length), expected, item.id);
    });
  }
}

function checkModule(gen: Mt19937, item: RngCase): void {
  const state = item.expect!.state!;
  const shapes = Object.fromEntries(Object.entries(state).map(([key, value]) => [key, value.$t[1]]));
  const drawn = initialise(gen, item.name.slice(3), shapes);
  for (const [key, value] of Object.entries(state)) {
    const { data } = tensor(value.$t);
    const values = drawn.get(key);
    if (values !== undefined) check(values, data, item, `${item.id} ${key}`);
    else
      assert.ok(
        data.every((x) => x === data[0]),
        `${key} is not constant and was not drawn`,
      );
  }
}
