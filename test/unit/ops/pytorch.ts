/**
 * The same calls made here and in PyTorch, answer by answer: values, errors, gradients, and gradients of gradients.
 *
 *   sameAsPyTorch("reflection", [
 *     call("nn.functional.pad", [random([2, 3, 5], { grad: true }), [1, 2]], { mode: "reflect" }),
 *   ]);
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { F, Tensor, torch } from "../../../runtime/index.js";
import { findOracle } from "../random/oracle.js";

/** A tensor of a case. Those without a dtype of their own are floating and take the dtype under test. */
interface Given {
  readonly $tensor: readonly number[];
  readonly shape: readonly number[];
  readonly dtype: string | null;
  readonly grad: boolean;
}

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
  /** `torch.manual_seed` just before. */
  readonly seed?: number;
  /** Differentiate twice too; default true where there is something to differentiate. */
  readonly twice?: boolean;
  readonly dtypes?: readonly string[];
}

type Tree =
  | number
  | string
  | boolean
  | null
  | {
      readonly shape: readonly number[];
      readonly dtype: string;
      readonly values: readonly (number | string)[];
    }
  | readonly Tree[];

interface Answer {
  readonly error?: string;
  readonly out?: Tree;
  readonly grads?: readonly Tree[];
  readonly second?: readonly Tree[];
}

/** One call; arguments as for PyTorch, option names in camelCase. */
export function call(
  name: string,
  args: readonly unknown[],
  options: Readonly<Record<string, unknown>> = {},
  more: Partial<Pick<Call, "seed" | "twice" | "dtypes">> = {},
): Call {
  return { name, args, options, ...more };
}

let state = 1;

/** Repeatable numbers between -2 and 2, or in `range`; no two alike and none near a whole number. */
export function random(
  shape: readonly number[],
  { grad = false, range = [-2, 2] as readonly [number, number], dtype = null as string | null } = {},
): Given {
  const count = shape.reduce((n, d) => n * d, 1);
  const values = Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const u = Math.round((state / 2 ** 32) * 4095) / 4096 + 1 / 8192;
    return range[0] + u * (range[1] - range[0]);
  });
  return { $tensor: values, shape, dtype, grad };
}

/** Given numbers; integers are int64 unless said. */
export function numbers(
  shape: readonly number[],
  values: readonly number[],
  { grad = false, dtype = null as string | null } = {},
): Given {
  return {
    $tensor: values,
    shape,
    dtype: dtype ?? (values.every(Number.isInteger) && !grad ? "int64" : null),
    grad,
  };
}

const isGiven = (v: unknown): v is Given => typeof v === "object" && v !== null && "$tensor" in v;

const script = String.raw`
import json, math, sys, torch, warnings
warnings.simplefilter("ignore")
def number(v):
    if isinstance(v, float) and not math.isfinite(v): return str(v)
    return v
def tree(v):
    if isinstance(v, torch.Tensor):
        w = v.detach()
        w = w.double() if w.is_floating_point() else w
        return {"shape": list(v.shape), "dtype": str(v.dtype)[6:], "values": [number(x) for x in w.reshape(-1).tolist()]}
    if isinstance(v, (list, tuple)): return [tree(x) for x in v]
    return number(v)
def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)
def resolve(name):
    at = torch
    for key in name.split("."): at = getattr(at, key)
    return at
def flat(v):
    if isinstance(v, torch.Tensor): return [v]
    if isinstance(v, (list, tuple)): return [t for x in v for t in flat(x)]
    return []
def cot(t):
    i = torch.arange(t.numel(), dtype=torch.float64)
    return (((37 * i + 11) % 64 - 31.5) / 32).reshape(t.shape).to(t.dtype)
def run(c, dtype):
    leaves = []
    def value(v):
        if isinstance(v, dict) and "$tensor" in v:
            t = torch.tensor(v["$tensor"], dtype=getattr(torch, v["dtype"] or dtype)).reshape(v["shape"])
            if v["grad"]: leaves.append(t.requires_grad_())
            return t
        if isinstance(v, list): return [value(x) for x in v]
        return v
    args = [value(v) for v in c["args"]]
    options = {snake(k): value(v) for k, v in c["options"].items()}
    try:
        if c.get("seed") is not None: torch.manual_seed(c["seed"])
        out = resolve(c["name"])(*args, **options)
        answer = {"out": tree(out)}
        outs = [t for t in flat(out) if t.requires_grad]
        if outs and leaves:
            twice = c.get("twice", True)
            grads = torch.autograd.grad(outs, leaves, [cot(t) for t in outs], create_graph=twice, allow_unused=True)
            answer["grads"] = [tree(g) for g in grads]
            again = [g for g in grads if g is not None and g.requires_grad]
            if twice and again:
                second = torch.autograd.grad(again, leaves, [cot(t) for t in again], allow_unused=True)
                answer["second"] = [tree(g) for g in second]
        return answer
    except Exception as e:
        return {"error": type(e).__name__ + ": " + str(e)}
requests = json.load(sys.stdin)
json.dump([{d: run(c, d) for d in c["dtypes"]} for c in requests], sys.stdout)
`;

const defaults = ["float32", "float64"];
const tolerances: Readonly<Record<string, readonly [number, number]>> = {
  float64: [1e-9, 1e-10],
  float32: [1e-4, 1e-5],
  float16: [4e-3, 2e-3],
  bfloat16: [3e-2, 2e-2],
};

/** Tests that every call gives what PyTorch gives; skipped where there is no PyTorch. */
export function sameAsPyTorch(title: string, calls: readonly Call[]): void {
  const python = findOracle();
  const skip = python === undefined && !process.env["CI"] ? "no PyTorch 1.13" : false;
  test(title, { skip }, async (t) => {
    assert.ok(python, "PyTorch 1.13 is needed");
    const requests = calls.map((c) => ({ ...c, dtypes: c.dtypes ?? defaults }));
    const { status, stdout, stderr } = spawnSync(python, ["-c", script], {
      input: JSON.stringify(requests),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    assert.equal(status, 0, stderr);
    const answers = JSON.parse(stdout) as Readonly<Record<string, Answer>>[];
    for (const [i, c] of requests.entries()) {
      for (const dtype of c.dtypes) {
        await t.test(`${describe(c)} in ${dtype}`, () => {
          compare(run(c, dtype), answers[i]![dtype]!, tolerances[dtype]!);
        });
      }
    }
  });
}

function describe(c: Call): string {
  const word = (v: unknown): string => {
    if (isGiven(v)) return `[${v.shape.join(", ")}]`;
    return Array.isArray(v) ? `(${v.map(word).join(", ")})` : typeof v === "string" ? v : JSON.stringify(v);
  };
  const options = Object.entries(c.options).map(([k, v]) => `${k} ${word(v)}`);
  return `${c.name} ${[...c.args.map(word), ...options].join(", ")}`;
}

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

function functionOf(name: string): (...args: unknown[]) => unknown {
  const parts = name.split(".");
  const last = parts.at(-1)!;
  const key = last.replace(/([^_])_+([a-z0-9])/g, (_, a: string, b: string) => a + b.toUpperCase());
  const space = (name.startsWith("nn.functional.") ? F : torch) as unknown as Functions;
  const f = space[key];
  assert.ok(f, `${name} is not there`);
  return f;
}

function flat(v: unknown): Tensor[] {
  if (v instanceof Tensor) return [v];
  if (typeof v === "object" && v !== null && Symbol.iterator in v)
    return [...(v as Iterable<unknown>)].flatMap(flat);
  return [];
}

function cotangent(t: Tensor): Tensor {
  const values = Float64Array.from({ length: t.numel() }, (_, i) => (((37 * i + 11) % 64) - 31.5) / 32);
  return torch.tensor(values).reshape(t.shape).to(t.dtype);
}

interface Outcome {
  readonly error?: Error;
  readonly out?: unknown;
  readonly grads?: readonly (Tensor | null)[];
  readonly second?: readonly (Tensor | null)[];
}

function run(c: Call, dtype: string): Outcome {
  const leaves: Tensor[] = [];
  const value = (v: unknown): unknown => {
    if (isGiven(v)) {
      const type = (torch as unknown as Readonly<Record<string, typeof torch.float32>>)[v.dtype ?? dtype]!;
      const t = torch
        .tensor(Float64Array.from(v.$tensor))
        .to(type)
        .reshape([...v.shape])
        .detach();
      if (v.grad) leaves.push(t.requiresGrad_());
      return t;
    }
    return Array.isArray(v) ? v.map(value) : v;
  };
  try {
    const args = c.args.map(value);
    const options = Object.fromEntries(Object.entries(c.options).map(([k, v]) => [k, value(v)]));
    if (c.seed !== undefined) torch.manualSeed(c.seed);
    const f = functionOf(c.name);
    const out = Object.keys(options).length ? f(...args, options) : f(...args);
    const outs = flat(out).filter((t) => t.requiresGrad);
    if (!outs.length || !leaves.length) {
      for (const t of flat(out)) t.toBytes();
      return { out };
    }
    const twice = c.twice ?? true;
    const grads = torch.autograd.grad(outs, leaves, {
      gradOutputs: outs.map(cotangent),
      createGraph: twice,
      allowUnused: true,
    }) as readonly (Tensor | null)[];
    const again = grads.filter((g): g is Tensor => g?.requiresGrad === true);
    if (!twice || !again.length) return { out, grads };
    const second = torch.autograd.grad(again, leaves, {
      gradOutputs: again.map(cotangent),
      allowUnused: true,
    }) as readonly (Tensor | null)[];
    return { out, grads, second };
  } catch (error) {
    return { error: error as Error };
  }
}

function compare(ours: Outcome, theirs: Answer, tolerance: readonly [number, number]): void {
  if (theirs.error !== undefined) {
    const type = theirs.error.slice(0, theirs.error.indexOf(":"));
    assert.ok(ours.error, `no error; PyTorch: ${theirs.error}`);
    assert.ok(
      isKind(ours.error, type),
      `${ours.error.name}: ${ours.error.message}; PyTorch: ${theirs.error}`,
    );
    return;
  }
  if (ours.error) throw ours.error;
  same("out", ours.out, theirs.out!, tolerance);
  theirs.grads?.forEach((g, i) => {
    same(`gradient ${String(i)}`, ours.grads?.[i] ?? null, g, tolerance);
  });
  theirs.second?.forEach((g, i) => {
    same(`second gradient ${String(i)}`, ours.second?.[i] ?? null, g, tolerance, true);
  });
}

function isKind(error: Error, type: string): boolean {
  for (let at: unknown = error.constructor; typeof at === "function"; at = Object.getPrototypeOf(at)) {
    if (at.name === type) return true;
  }
  return false;
}

/** With `zeroIsNone`, a gradient that is zero and none at all are the same. */
function same(
  what: string,
  ours: unknown,
  theirs: Tree,
  tolerance: readonly [number, number],
  zeroIsNone = false,
): void {
  if (Array.isArray(theirs)) {
    const items = [...(ours as Iterable<unknown>)];
    assert.equal(items.length, theirs.length, `${what}: number of results`);
    (theirs as readonly Tree[]).forEach((t, i) => {
      same(`${what}.${String(i)}`, items[i], t, tolerance, zeroIsNone);
    });
    return;
  }
  if (typeof theirs !== "object" || theirs === null) {
    if (zeroIsNone && ours instanceof Tensor) {
      assert.ok(
        [...ours.numpy({ force: true })].every((v) => Number(v) === 0),
        `${what}: a gradient; PyTorch has none`,
      );
      return;
    }
    assert.deepEqual(ours, theirs, what);
    return;
  }
  const { shape, dtype, values } = theirs as Exclude<
    Tree,
    number | string | boolean | null | readonly Tree[]
  >;
  if (zeroIsNone && ours === null) {
    assert.ok(
      values.every((v) => v === 0),
      `${what}: no gradient; PyTorch has one`,
    );
    return;
  }
  assert.ok(ours instanceof Tensor, `${what}: no tensor`);
  assert.deepEqual(ours.shape, shape, `${what}: shape`);
  assert.equal(ours.dtype.name, dtype, `${what}: dtype`);
  const data = [...(ours.numpy({ force: true }) as Iterable<number | bigint>)].map(Number);
  const [rtol, atol] = dtype.startsWith("float") || dtype === "bfloat16" ? tolerance : [0, 0];
  values.forEach((v, i) => {
    const [a, x] = [data[i]!, typeof v === "string" ? Number(v.replace("inf", "Infinity")) : Number(v)];
    const close = Object.is(a, x) || a === x || Math.abs(a - x) <= atol + rtol * Math.abs(x);
    assert.ok(
      close,
      `${what}: element ${String(i)} of [${shape.join(", ")}] is ${String(a)} instead of ${String(x)}`,
    );
  });
}
