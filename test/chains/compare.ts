import type { Answer, Look, Numbers, Program, Refusal } from "./program.js";

/** Differences between what the library and what PyTorch gave for a program, one line each. */
export function differences(program: Program, ours: Answer, theirs: Answer): string[] {
  const found: string[] = [];
  const first = program.leaves.length;
  const where = (i: number): string => {
    const step = program.steps[i - first];
    return step ? `tensor ${String(i)} (${step.op} of ${String(step.on)})` : `leaf ${String(i)}`;
  };
  for (const [k, seen] of theirs.steps.entries()) {
    if ("error" in seen && isBug(seen)) return found;
    const problems = compareSeen(ours.steps[k]!, seen);
    // One difference brings others after it.
    if (problems.length) return problems.map((problem) => `${where(first + k)}: ${problem}`);
  }
  const tolerance = program.dtype === "float64" ? 1e-9 : 2e-4;
  theirs.end.forEach((end, i) => {
    if (!end) return;
    const own = ours.end[i]!;
    for (const problem of compareSeen(own, end)) found.push(`${where(i)} at the end: ${problem}`);
    const problem = compareNumbers(own.values, end.values, tolerance);
    if (problem) found.push(`${where(i)} at the end: ${problem}`);
  });
  if (JSON.stringify(ours.refused) !== JSON.stringify(theirs.refused)) {
    found.push(`refused ${JSON.stringify(ours.refused)} instead of ${JSON.stringify(theirs.refused)}`);
  }
  if (theirs.backward && isBug(theirs.backward)) return found;
  if (ours.backward?.error !== theirs.backward?.error) {
    found.push(`backward: ${told(ours.backward)} instead of ${told(theirs.backward)}`);
  }
  theirs.grads?.forEach((grad, i) => {
    const own = ours.grads?.[i] ?? null;
    if (grad === null || own === null) {
      if (grad !== own) found.push(`gradient of leaf ${String(i)}: ${own ? "one" : "none"}`);
      return;
    }
    const problem = compareNumbers(own, grad, tolerance);
    if (problem) found.push(`gradient of leaf ${String(i)}: ${problem}`);
  });
  return found;
}

/** PyTorch's own assertions failed: there is no right answer to compare with. */
const isBug = ({ message }: Refusal): boolean => message.includes("INTERNAL ASSERT FAILED");

const told = (refusal: Refusal | undefined): string =>
  refusal ? `${refusal.error} (${refusal.message})` : "no error";

function compareSeen(ours: Look | Refusal, theirs: Look | Refusal): string[] {
  if ("error" in theirs || "error" in ours) {
    const [a, b] = ["error" in ours ? ours : undefined, "error" in theirs ? theirs : undefined];
    return a?.error === b?.error ? [] : [`${told(a)} instead of ${told(b)}`];
  }
  const found: string[] = [];
  const check = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) {
      found.push(`${what} ${JSON.stringify(a)} instead of ${JSON.stringify(b)}`);
    }
  };
  check("shape", ours.shape, theirs.shape);
  check("dtype", ours.dtype, theirs.dtype);
  // A step along an axis of one element, or over nothing, leads nowhere.
  const steps = ({ shape, stride }: Look): unknown =>
    shape.includes(0) ? [] : stride.map((s, i) => (shape[i] === 1 ? null : s));
  check("strides", steps(ours), steps(theirs));
  if (!theirs.shape.includes(0)) check("offset", ours.offset, theirs.offset);
  check("requiresGrad", ours.requiresGrad, theirs.requiresGrad);
  check("isView", ours.isView, theirs.isView);
  check("version", ours.version, theirs.version);
  return found;
}

function compareNumbers(ours: Numbers, theirs: Numbers, tolerance: number): string | undefined {
  for (const [i, x] of theirs.entries()) {
    const a = ours[i]!;
    if (a === x) continue;
    const close =
      typeof a === "number" && typeof x === "number" && Math.abs(a - x) <= tolerance * (1 + Math.abs(x));
    if (!close) return `element ${String(i)} is ${String(a)} instead of ${String(x)}`;
  }
  return undefined;
}
