/** Calls of torch functions side by side with Debian's PyTorch: values, dtypes, shapes, gradients, error classes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { DType, F, Tensor, torch } from "../../../runtime/index.js";
import { compareTensors, toleranceFor } from "../../conformance/compare.js";
import { camel } from "../../conformance/call.js";
import { defaultTolerance } from "../../conformance/numbers.js";
import { findOracle } from "../random/oracle.js";

/** A tensor to be made for each side: contiguous, or the permuted view of one. */
export interface Given {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly axes?: readonly number[];
  readonly requiresGrad: boolean;
}

type Numbers = number | bigint | boolean | readonly Numbers[];
export type Argument = Given | DType | number | bigint | boolean | string | null | readonly Argument[];

/** PyTorch's name after `torch.`, the arguments by position and the options by our names. */
export type Call = readonly [
  name: string,
  args: readonly Argument[],
  options?: Readonly<Record<string, Argument>>,
];

/** Numbers as a tensor argument; floating ones require gradients. */
export function given(data: Numbers, dtype?: DType, axes?: readonly number[]): Given {
  const t = torch.tensor(data, dtype ? { dtype } : {});
  return {
    dtype: t.dtype,
    shape: t.shape,
    bytes: t.toBytes(),
    requiresGrad: t.dtype.isFloatingPoint,
    ...(axes ? { axes } : {}),
  };
}

/** A tensor of no elements, or of as many as `fill` gives by their place. */
export function shaped(
  shape: readonly number[],
  fill: (i: number) => number,
  dtype = torch.float32,
  axes?: readonly number[],
): Given {
  const count = shape.reduce((n, d) => n * d, 1);
  const flat = given(
    Array.from({ length: count }, (_, i) => fill(i)),
    dtype,
  );
  return { ...flat, shape, ...(axes ? { axes } : {}) };
}

/** The same without a gradient. */
export function plain(t: Given): Given {
  return { ...t, requiresGrad: false };
}

const isGiven = (v: Argument): v is Given => typeof v === "object" && v !== null && "bytes" in v;

function forPython(v: Argument): unknown {
  if (v instanceof DType) return { dtype: v.name };
  if (isGiven(v)) return { ...v, dtype: v.dtype.name, bytes: Buffer.from(v.bytes).toString("base64") };
  if (Array.isArray(v)) return (v as readonly Argument[]).map(forPython);
  if (typeof v === "bigint") return { int: String(v) };
  if (typeof v === "number" && !Number.isFinite(v)) return { float: String(v).replace("Infinity", "inf") };
  return v;
}

function forUs(v: Argument, made: Tensor[]): unknown {
  if (v instanceof DType) return v;
  if (isGiven(v)) {
    let t = torch._fromBytes(v.bytes, v.dtype, v.shape);
    if (v.axes) t = t.permute(...v.axes);
    if (v.requiresGrad) t = t.detach().requiresGrad_();
    made.push(t);
    return t;
  }
  return Array.isArray(v) ? (v as readonly Argument[]).map((a) => forUs(a, made)) : v;
}

interface Encoded {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: string;
}

interface Answer {
  readonly error?: string;
  readonly message?: string;
  readonly out?: readonly (Encoded | null)[];
  /** `null` where PyTorch has no derivative. */
  readonly grads?: readonly (Encoded | null)[] | null;
  /** Of every result the name of the step of backward that it stands for. */
  readonly steps?: readonly (string | null)[];
  /** `null` where PyTorch has no second derivative. */
  readonly second?: readonly (Encoded | null)[] | null;
}

interface Settings {
  /** `torch.manual_seed` just before each call. */
  readonly seed?: number;
  /** Compares the gradients of the gradients too. */
  readonly twice?: boolean;
  /** Compares the names that `gradFn` has. */
  readonly steps?: boolean;
}

function tensorsIn(v: unknown): Tensor[] {
  if (v instanceof Tensor) return [v];
  if (typeof v === "object" && v !== null && Symbol.iterator in v) {
    return [...(v as Iterable<unknown>)].flatMap(tensorsIn);
  }
  return v === null || v === undefined ? [] : [torch.tensor(v)];
}

function cotangent(t: Tensor): Tensor {
  const list = Array.from({ length: t.numel() }, (_, i) => (((37 * i + 11) % 64) - 31.5) / 32);
  return torch.tensor(list, { dtype: t.dtype }).reshape(t.shape);
}

function difference(what: string, actual: Tensor | null, expected: Encoded | null): string | undefined {
  if (expected === null) return actual === null ? undefined : `${what}: a tensor where PyTorch has none`;
  if (actual === null) return `${what}: none where PyTorch has one`;
  const face = { dtype: actual.dtype.name, shape: actual.shape, bytes: () => actual.toBytes() };
  const theirs = { ...expected, bytes: () => Uint8Array.from(Buffer.from(expected.bytes, "base64")) };
  const tolerance = toleranceFor(expected.dtype, null, defaultTolerance(expected.dtype));
  const found = compareTensors(face, theirs, tolerance);
  return found === undefined ? undefined : `${what}: ${found}`;
}

function functionOf(name: string): (...args: unknown[]) => unknown {
  const parts = name.split(".");
  if (parts[0] === "Tensor") {
    const key = camel(parts[1]!);
    return (self, ...rest) => (self as Record<string, (...args: unknown[]) => unknown>)[key]!(...rest);
  }
  const home = name.startsWith("nn.functional.") ? F : torch;
  let at: unknown = home;
  for (const part of home === F ? parts.slice(2) : parts) at = (at as Record<string, unknown>)[camel(part)];
  if (typeof at !== "function") throw new Error(`there is no ${name}`);
  return at as (...args: unknown[]) => unknown;
}

/** A second gradient of zero and none at all say the same; which of them PyTorch gives differs from op to op. */
function secondDifference(what: string, actual: Tensor | null, expected: Encoded | null): string | undefined {
  if (actual !== null && expected !== null) return difference(what, actual, expected);
  const only = actual?.toBytes() ?? (expected && Buffer.from(expected.bytes, "base64"));
  if (!only || only.every((byte) => byte === 0 || byte === 128)) return undefined;
  return difference(what, actual, expected);
}

function compareGradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  answer: Answer,
  twice: boolean,
): (string | undefined)[] {
  const gradientsOf = (of: readonly Tensor[], createGraph: boolean): readonly (Tensor | null)[] =>
    of.length > 0
      ? torch.autograd.grad(of, inputs, { gradOutputs: of.map(cotangent), allowUnused: true, createGraph })
      : inputs.map(() => null);
  const grads = gradientsOf(outputs, twice);
  const first = grads.map((g, i) => difference(`gradient ${String(i)}`, g, answer.grads![i] ?? null));
  if (!twice || !answer.second) return first;
  const again = grads.filter((g): g is Tensor => g?.requiresGrad === true);
  const second = gradientsOf(again, false);
  return [
    ...first,
    ...second.map((g, i) => secondDifference(`second gradient ${String(i)}`, g, answer.second?.[i] ?? null)),
  ];
}

function compareCall([name, args, options]: Call, answer: Answer, settings: Settings): string | undefined {
  const made: Tensor[] = [];
  let out: unknown;
  try {
    const ours = args.map((a) => forUs(a, made));
    if (settings.seed !== undefined) torch.manualSeed(settings.seed);
    const keys = Object.entries(options ?? {}).map(([k, v]) => [k, forUs(v, made)]);
    out = functionOf(name)(...ours, ...(keys.length ? [Object.fromEntries(keys)] : []));
    for (const t of tensorsIn(out)) t.toBytes();
  } catch (error) {
    const ours = (error as Error).name;
    if (answer.error === undefined) return `${ours}: ${(error as Error).message}`;
    return ours === answer.error ? undefined : `${ours} instead of ${answer.error}: ${answer.message ?? ""}`;
  }
  if (answer.error !== undefined) return `no ${answer.error}: ${answer.message ?? ""}`;
  const results = tensorsIn(out);
  if (results.length !== answer.out!.length) {
    return `${String(results.length)} results instead of ${String(answer.out!.length)}`;
  }
  const wrong = results.map((t, i) => difference(`result ${String(i)}`, t, answer.out![i]!));
  const inputs = made.filter((t) => t.requiresGrad);
  const differentiable = results.filter((t) => t.requiresGrad);
  if (inputs.length > 0 && answer.grads) {
    try {
      wrong.push(...compareGradients(differentiable, inputs, answer, settings.twice ?? false));
    } catch (error) {
      wrong.push(`gradients: ${String(error)}`);
    }
  }
  if (settings.steps) {
    const names = results.map((t) => t.gradFn?.name() ?? null);
    if (names.join() !== answer.steps!.join()) {
      wrong.push(`gradFn ${names.join()} instead of ${answer.steps!.join()}`);
    }
  }
  return wrong.find((w) => w !== undefined);
}

const oracle = findOracle();

/** Calls of all tests of a file: starting PyTorch takes longer than answering them. */
const asked: { readonly call: Call; readonly settings: Settings }[] = [];
let answers: readonly Answer[] | undefined;

function ask(): readonly Answer[] {
  const request = asked.map(({ call: [name, args, options], settings }) => ({
    name,
    ...settings,
    args: args.map(forPython),
    options: Object.fromEntries(Object.entries(options ?? {}).map(([k, v]) => [k, forPython(v)])),
  }));
  const { stdout, stderr, status } = spawnSync(oracle!, ["test/oracle/calls.py"], {
    input: JSON.stringify(request),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as readonly Answer[];
}

/** The arguments of a call, as short as they can be told. */
function told([, args, options]: Call): string {
  const one = (v: Argument): string =>
    isGiven(v)
      ? `${v.dtype.name}[${v.shape.join(", ")}]`
      : Array.isArray(v)
        ? `[${v.map(one).join(", ")}]`
        : String(v);
  return [...args.map(one), ...Object.entries(options ?? {}).map(([k, v]) => `${k}: ${one(v)}`)].join(", ");
}

/** One test: every call gives what PyTorch gives, or raises the same class of error. */
export function agreesWithPyTorch(title: string, calls: readonly Call[], settings: Settings = {}): void {
  const first = asked.push(...calls.map((call) => ({ call, settings }))) - calls.length;
  test(title, { skip: oracle === undefined && "there is no PyTorch 1.13 to compare with" }, () => {
    answers ??= ask();
    const wrong = calls.flatMap((call, i) => {
      const found = compareCall(call, answers![first + i]!, settings);
      return found === undefined ? [] : [`call ${String(i)}, ${call[0]}(${told(call)}): ${found}`];
    });
    assert.equal(wrong.join("\n"), "");
  });
}
