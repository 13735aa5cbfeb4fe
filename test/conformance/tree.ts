import { describe } from "./compare.js";
import { camel } from "./call.js";
import { isTensorRef, type Json, type TensorRef } from "./corpus.js";
import { entries } from "./decode.js";
import type { Bag, Tensor } from "./library.js";
import { compareResult, compareTensor, type Comparison } from "./results.js";

type Tagged = Readonly<Record<string, Json>>;

interface Stored {
  readonly tensor: TensorRef;
  readonly stride: readonly number[];
  readonly storage_offset: number;
  readonly storage_id: number;
  readonly requires_grad: boolean;
  readonly parameter?: boolean;
}

export interface TreeOptions {
  /** Keys are written in camelCase on this side (states of optimizers); otherwise they are data. */
  readonly camelKeys?: boolean;
  /** Expected keys that say nothing about the result. */
  readonly ignore?: (key: string) => boolean;
}

/** Compares nested dictionaries and lists; what is wrong, one line each. */
export function compareTree(
  on: Comparison,
  actual: unknown,
  expected: Json,
  options: TreeOptions = {},
): string[] {
  const problems: string[] = [];
  const storages = new Map<number, unknown>();
  const normal = options.camelKeys === true ? camel : (key: string): string => key;
  const walk = (a: unknown, x: Json, path: string): void => {
    const report = (problem: string | undefined): void => {
      if (problem !== undefined) problems.push(`${path === "" ? "value" : path}: ${problem}`);
    };
    if (typeof x !== "object" || x === null || isTensorRef(x)) {
      for (const line of compareResult(on, a, x).problems) report(line.replace(/^out: /, ""));
      return;
    }
    const tagged = x as Tagged;
    const mapping = tagged["$dict"] ?? tagged["$odict"];
    if (mapping !== undefined) {
      if (typeof a !== "object" || a === null) return report(`${describe(a)} instead of a mapping`);
      const own = new Map([...entries<unknown>(a)].map(([key, value]) => [normal(String(key)), value]));
      for (const [key, value] of mapping as readonly (readonly [Json, Json])[]) {
        const name = normal(keyText(key));
        if (options.ignore?.(keyText(key)) === true) continue;
        const at = path === "" ? name : `${path}.${name}`;
        if (own.has(name)) walk(own.get(name), value, at);
        else problems.push(`${at}: missing`);
      }
      return;
    }
    const set = tagged["$set"] as readonly Json[] | undefined;
    const items = Array.isArray(x)
      ? (x as readonly Json[])
      : ((tagged["$tuple"] ?? tagged["$size"] ?? set) as readonly Json[] | undefined);
    if (items !== undefined) {
      const list =
        typeof a === "object" && a !== null && Symbol.iterator in a
          ? [...(a as Iterable<unknown>)]
          : undefined;
      if (list?.length !== items.length) {
        return report(
          `${list === undefined ? describe(a) : `${String(list.length)} entries`} instead of ${String(items.length)} entries`,
        );
      }
      items.forEach((item, i) => {
        walk(list[i], item, `${path}[${String(i)}]`);
      });
      return;
    }
    if ("$st" in tagged) return stored(a, tagged["$st"] as unknown as Stored, report);
    if ("$nn" in tagged) {
      const { state, training, repr } = tagged["$nn"] as Tagged;
      const module = a as { stateDict?: () => unknown; training?: boolean };
      if (typeof module.stateDict !== "function") return report(`${describe(a)} instead of a module`);
      if (module.training !== training) report(`training is ${String(module.training)}`);
      if (String(module) !== repr) report(`repr ${String(module)} instead of ${String(repr)}`);
      return walk(module.stateDict(), state!, path);
    }
    report(special(a, tagged));
  };
  const stored = (a: unknown, x: Stored, report: (problem: string | undefined) => void): void => {
    report(compareTensor(on, a, x.tensor));
    if (!on.library.isTensor(a)) return;
    const t = a as Tensor & { storageOffset?: () => number };
    if (!x.tensor.$t[1].includes(0) && String(t.stride()) !== String(x.stride)) {
      report(`stride [${String(t.stride())}] instead of [${String(x.stride)}]`);
    }
    if (t.storageOffset?.() !== x.storage_offset) {
      report(`storage offset ${String(t.storageOffset?.())} instead of ${String(x.storage_offset)}`);
    }
    if (t.requiresGrad !== x.requires_grad) report(`requiresGrad is ${String(t.requiresGrad)}`);
    if (!on.library.has("Tensor.untyped_storage")) return;
    const storage = on.library.method("Tensor.untyped_storage")(t, []) as { dataPtr(): unknown };
    const first = storages.get(x.storage_id);
    if (first === undefined) storages.set(x.storage_id, storage.dataPtr());
    else if (first !== storage.dataPtr()) report("not the storage of its fellow");
  };
  walk(actual, expected, "");
  return problems;
}

function keyText(key: Json): string {
  if (typeof key === "object" && key !== null && "$f" in key) return String((key as Tagged)["$f"]);
  return String(key);
}

/** Values with a class of their own on either side. */
function special(a: unknown, x: Tagged): string | undefined {
  const differs = (wanted: string): string => `${describe(a)} instead of ${wanted}`;
  if ("$f" in x) {
    const wanted = Number(String(x["$f"]).replace("inf", "Infinity"));
    if (typeof a !== "number") return differs(String(wanted));
    const near = Math.abs(a - wanted) <= 1e-9 * Math.abs(wanted) + 1e-12;
    return Object.is(a, wanted) || near ? undefined : differs(String(wanted));
  }
  if ("$int" in x) return String(a) === x["$int"] ? undefined : differs(String(x["$int"]));
  if ("$bytes" in x) {
    const wanted = Buffer.from(x["$bytes"] as string, "base64");
    return a instanceof Uint8Array && wanted.equals(a) ? undefined : differs("bytes");
  }
  const bag = a as Bag | null | undefined;
  if ("$dtype" in x) return bag?.["name"] === x["$dtype"] ? undefined : differs(String(x["$dtype"]));
  if ("$device" in x) return String(a) === x["$device"] ? undefined : differs(String(x["$device"]));
  if ("$layout" in x)
    return String(a).endsWith(x["$layout"] as string) ? undefined : differs(String(x["$layout"]));
  if ("$slice" in x) {
    const [start, end, step] = x["$slice"] as readonly (number | null)[];
    const same = bag?.["start"] === start && bag?.["end"] === end && (bag?.["step"] ?? 1) === (step ?? 1);
    return same ? undefined : differs("a slice");
  }
  if ("$c" in x) {
    const [re, im] = x["$c"] as readonly number[];
    return bag?.["re"] === re && bag?.["im"] === im ? undefined : differs("a complex number");
  }
  return `a value of kind ${Object.keys(x).join()} is not understood`;
}
