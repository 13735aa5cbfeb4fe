import {
  compareMagnitudes,
  compareMeta,
  compareNumbers,
  compareTensors,
  compareValues,
  describe,
  toleranceFor,
  type Block,
} from "./compare.js";
import { isTensorRef, type CaseBase, type Family, type Json, type TensorRef } from "./corpus.js";
import { float } from "./decode.js";
import type { Bag, Library, Tensor } from "./library.js";

/** How the results of one case are compared. */
export interface Comparison {
  readonly library: Library;
  readonly family: Family;
  readonly case: CaseBase & { readonly ill_conditioned?: boolean };
  /** err64 of the flattened outputs. */
  readonly err64?: readonly number[];
  /** An in-place variant: the values, in the dtype the tensor had. */
  readonly valuesIn?: string;
  /** Whether `requires_grad` of results must be PyTorch's. */
  readonly gradients?: boolean;
}

export function expectedBlock(family: Family, ref: TensorRef): Block {
  const [dtype, shape] = ref.$t;
  return { dtype, shape, bytes: () => family.bytes(ref) };
}

export function actualBlock(tensor: Tensor): Block {
  return { dtype: tensor.dtype.name, shape: tensor.shape, bytes: () => tensor.toBytes() };
}

/** Compares one tensor as the case's mode says. */
export function compareTensor(
  on: Comparison,
  actual: unknown,
  ref: TensorRef,
  err64 = 0,
): string | undefined {
  if (!on.library.isTensor(actual)) return `${describe(actual)} instead of a tensor`;
  const a = actualBlock(actual);
  const x = expectedBlock(on.family, ref);
  const { compare = "close", tol = [0, 0], dtype, ill_conditioned: loose = false } = on.case;
  const tolerance =
    compare === "exact"
      ? { rtol: 0, atol: 0, floor: 0 }
      : on.library.loosened(toleranceFor(x.dtype, dtype, tol, err64));
  if (on.valuesIn !== undefined) {
    if (a.dtype !== on.valuesIn) return `dtype ${a.dtype} instead of ${on.valuesIn}`;
    if (loose || compare === "uninit") return undefined;
    const own = on.library.loosened(toleranceFor(on.valuesIn, null, tol, err64));
    return compareValues(a, x, a.dtype === x.dtype ? tolerance : own);
  }
  if (loose || compare === "uninit" || compare === "unstable") return compareMeta(a, x) ?? read(a);
  const values =
    compare === "nonunique" ? compareMagnitudes(a, x, tolerance) : compareTensors(a, x, tolerance);
  if (values !== undefined || on.gradients !== true) return values;
  const wanted = ref.rg === 1;
  return actual.requiresGrad === wanted
    ? undefined
    : `requiresGrad is ${String(actual.requiresGrad)} instead of ${String(wanted)}`;
}

/** Values that are not compared must exist all the same. */
function read(block: Block): undefined {
  block.bytes();
}

/** Compares a whole result and gives its tensors, flattened depth first as the cotangents are. */
export function compareResult(
  on: Comparison,
  actual: unknown,
  expected: Json,
): { readonly tensors: readonly Tensor[]; readonly problems: readonly string[] } {
  const tensors: Tensor[] = [];
  const problems: string[] = [];
  let count = 0;
  const report = (path: string, problem: string | undefined): void => {
    if (problem !== undefined) problems.push(`out${path === "" ? "" : ` ${path}`}: ${problem}`);
  };
  const walk = (a: unknown, x: Json, path: string): void => {
    if (isTensorRef(x)) {
      const err64 = on.err64?.[count++] ?? 0;
      if (on.library.isTensor(a)) tensors.push(a);
      report(path, compareTensor(on, a, x, err64));
      return;
    }
    const items = listOf(x);
    if (items !== undefined) {
      const list = asList(a, on.library);
      if (list === undefined) report(path, `${describe(a)} instead of ${String(items.length)} results`);
      else if (list.length !== items.length) {
        report(path, `${String(list.length)} results instead of ${String(items.length)}`);
      } else
        items.forEach((item, i) => {
          walk(list[i], item, path === "" ? String(i) : `${path}/${String(i)}`);
        });
      return;
    }
    if (typeof x === "object" && x !== null && "$packed" in x) {
      const parts = x["$packed"] as Readonly<Record<string, Json>>;
      const names = {
        data: "data",
        batch_sizes: "batchSizes",
        sorted_indices: "sortedIndices",
        unsorted_indices: "unsortedIndices",
      };
      for (const [key, own] of Object.entries(names)) {
        // Only the data takes part in differentiation; the rest says where it lies.
        const part = parts[key] ?? null;
        const value = (a as Bag | null | undefined)?.[own];
        if (key === "data" || !isTensorRef(part)) walk(value, part, `${path}/${key}`);
        else report(`${path}/${key}`, compareTensor(on, value, part));
      }
      return;
    }
    report(path, compareScalar(on, a, x));
  };
  walk(actual, expected, "");
  return { tensors, problems };
}

function listOf(x: Json): readonly Json[] | undefined {
  if (Array.isArray(x)) return x as readonly Json[];
  if (typeof x !== "object" || x === null) return undefined;
  const tagged = x as Readonly<Record<string, Json>>;
  return (tagged["$tuple"] ?? tagged["$size"]) as readonly Json[] | undefined;
}

function asList(a: unknown, library: Library): readonly unknown[] | undefined {
  if (Array.isArray(a)) return a;
  if (typeof a !== "object" || a === null || library.isTensor(a) || !(Symbol.iterator in a)) return undefined;
  return [...(a as Iterable<unknown>)];
}

function compareScalar(on: Comparison, a: unknown, x: Json): string | undefined {
  const { tol = [0, 0] } = on.case;
  if (x === null) return a === null || a === undefined ? undefined : `${describe(a)} instead of null`;
  if (typeof x === "boolean" || typeof x === "string") {
    return a === x ? undefined : `${describe(a)} instead of ${String(x)}`;
  }
  if (typeof x === "number") return compareNumbers(a, x, { rtol: 0, atol: 0, floor: 0 });
  const tagged = x as Readonly<Record<string, Json>>;
  if ("$f" in tagged) {
    return compareNumbers(
      a,
      float(tagged["$f"]!),
      on.library.loosened({ rtol: tol[0], atol: tol[1], floor: 0 }),
    );
  }
  if ("$dtype" in tagged) {
    const name = (a as { name?: string } | null | undefined)?.name;
    return name === tagged["$dtype"] ? undefined : `${describe(a)} instead of ${String(tagged["$dtype"])}`;
  }
  return `a result of kind ${Object.keys(tagged).join()} is not understood`;
}
