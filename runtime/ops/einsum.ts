/** Sums of products by Einstein's convention. */
import { RuntimeError, ValueError } from "../errors.js";
import { numel } from "../graph/value.js";
import { bool } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { checkSameDtype } from "./contract.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { matmulLast } from "./matmul.js";
import { op } from "./record.js";
import { sum } from "./reduce.js";
import { expandTo } from "./view.js";

/** One operand of an einsum with a letter for every axis; the axes of an ellipsis have names of their own. */
interface Operand {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

const ELLIPSIS = "...";

/** Letters and at most one ellipsis. */
function parseTerm(term: string, what: string): string[] {
  const labels: string[] = [];
  for (let i = 0; i < term.length; i++) {
    const c = term[i]!;
    if (c === " ") continue;
    if (c === ".") {
      if (labels.includes(ELLIPSIS)) {
        throw new RuntimeError(`einsum(): found '.' for ${what} for which an ellipsis was already found`);
      }
      if (term.slice(i, i + 3) !== ELLIPSIS) {
        throw new RuntimeError(`einsum(): found '.' for ${what} that is not part of any ellipsis`);
      }
      labels.push(ELLIPSIS);
      i += 2;
    } else if (/[a-zA-Z]/.test(c)) labels.push(c);
    else {
      throw new RuntimeError(
        `einsum(): invalid subscript given at index ${String(i)} in the equation string, subscripts must be in [a-zA-Z]`,
      );
    }
  }
  return labels;
}

/** Subscript lists name axes by numbers: 0 is `A`, 26 is `a`. */
function letter(subscript: unknown): string {
  if (subscript === "...") return ELLIPSIS;
  if (typeof subscript !== "number" || subscript < 0 || subscript >= 52) {
    throw new ValueError("einsum(): subscripts in subscript list are not within the valid range [0, 52)");
  }
  return String.fromCharCode(subscript < 26 ? 65 + subscript : 97 + subscript - 26);
}

/** `einsum(equation, ...operands)` or `einsum(operand, [0, 1], operand, [1, 2], [0, 2])`. */
function readCall(args: readonly unknown[]): { equation: string; tensors: Tensor[] } {
  const [first] = args;
  const usage = new ValueError(
    "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list",
  );
  if (args.length < 2) throw usage;
  if (typeof first === "string") {
    const rest = args.slice(1);
    const list = rest.length === 1 && Array.isArray(rest[0]) ? (rest[0] as unknown[]) : rest;
    if (!list.every((t) => t instanceof Tensor)) {
      throw new TypeError("einsum(): the operands must be tensors");
    }
    return { equation: first, tensors: list };
  }
  const tensors: Tensor[] = [];
  const terms: string[] = [];
  let i = 0;
  for (; i + 1 < args.length; i += 2) {
    const [tensor, subscripts] = [args[i], args[i + 1]];
    if (!(tensor instanceof Tensor) || !Array.isArray(subscripts)) throw usage;
    tensors.push(tensor);
    terms.push(subscripts.map(letter).join(""));
  }
  const output = args[i];
  if (output !== undefined && !Array.isArray(output)) throw usage;
  const right = output === undefined ? "" : `->${(output as unknown[]).map(letter).join("")}`;
  return { equation: terms.join(",") + right, tensors };
}

/** Replaces an ellipsis by names for the axes it covers, counted from the last. */
function nameAxes(labels: readonly string[], covered: number): string[] {
  return labels.flatMap((l) =>
    l === ELLIPSIS ? Array.from({ length: covered }, (_, i) => `.${String(covered - i)}`) : [l],
  );
}

/** Takes the diagonal where a letter is repeated. */
function withoutRepeats({ tensor, labels }: Operand, k: number): Operand {
  let t = tensor;
  let names = [...labels];
  for (let i = 0; i < names.length; i++) {
    const j = names.indexOf(names[i]!, i + 1);
    if (j < 0) continue;
    const [n, m] = [t._shape[i]!, t._shape[j]!];
    if (n !== m) {
      throw new RuntimeError(
        `einsum(): subscript ${names[i]!} is repeated for operand ${String(k)} but the sizes don't match, ${String(m)} != ${String(n)}`,
      );
    }
    // The diagonal is the last axis; it goes back to where the first of the two stood.
    t = t.diagonal(0, i, j).movedim(-1, i);
    names = names.filter((_, a) => a !== j);
    i--;
  }
  return { tensor: t, labels: names };
}

/** Multiplies two operands, summing over the axes that only they have. */
function pairwise(a: Operand, b: Operand, kept: ReadonlySet<string>): Operand {
  const drop = (x: Operand, other: Operand): Operand => {
    const alone = x.labels.flatMap((l, i) => {
      const j = other.labels.indexOf(l);
      // An axis that the other lacks, or has with size 1 only, is summed at once.
      const unmatched = j < 0 || (other.tensor._shape[j] === 1 && x.tensor._shape[i] !== 1);
      return !kept.has(l) && unmatched ? [i] : [];
    });
    if (alone.length === 0) return x;
    const inOther = (i: number): boolean => other.labels.includes(x.labels[i]!);
    const tensor = sum(x.tensor, alone, { keepdim: true }).squeeze(alone.filter((i) => !inOther(i)));
    return { tensor, labels: x.labels.filter((_, i) => !alone.includes(i) || inOther(i)) };
  };
  const [x, y] = [drop(a, b), drop(b, a)];
  const shared = x.labels.filter((l) => y.labels.includes(l));
  const summed = shared.filter((l) => !kept.has(l));
  const batch = shared.filter((l) => kept.has(l));
  const rows = x.labels.filter((l) => !shared.includes(l));
  const columns = y.labels.filter((l) => !shared.includes(l));
  const labels = [...batch, ...rows, ...columns];
  const arranged = (o: Operand, names: readonly string[]): Tensor =>
    o.tensor.permute(names.map((l) => o.labels.indexOf(l)));
  if (summed.length === 0) {
    const wide = arranged(x, [...batch, ...rows]);
    const left = wide.reshape([...wide._shape, ...columns.map(() => 1)]);
    const right = arranged(y, [...batch, ...columns]);
    const middle = batch.length;
    const spaced = [...right._shape.slice(0, middle), ...rows.map(() => 1), ...right._shape.slice(middle)];
    return { tensor: left.mul(right.reshape(spaced)), labels };
  }
  checkSameDtype(x.tensor, y.tensor);
  if (x.tensor.dtype === bool) notImplementedFor("bmm", bool);
  const size = (o: Operand, l: string): number => o.tensor._shape[o.labels.indexOf(l)]!;
  const batchShape = batch.map((l) => Math.max(size(x, l), size(y, l)));
  const sizes = (o: Operand, names: readonly string[]): number[] => names.map((l) => size(o, l));
  const k = numel(sizes(x, summed));
  const left = expandTo(arranged(x, [...batch, ...rows, ...summed]), [
    ...batchShape,
    ...sizes(x, rows),
    ...sizes(x, summed),
  ]).reshape(numel(batchShape), numel(sizes(x, rows)), k);
  const right = expandTo(arranged(y, [...batch, ...summed, ...columns]), [
    ...batchShape,
    ...sizes(y, summed),
    ...sizes(y, columns),
  ]).reshape(numel(batchShape), k, numel(sizes(y, columns)));
  const shape = [...batchShape, ...sizes(x, rows), ...sizes(y, columns)];
  return { tensor: matmulLast(left, right).reshape(shape), labels };
}

/** The letters that occur once, in their order, after the ellipsis: what `->` left out means. */
function implied(terms: readonly (readonly string[])[]): string[] {
  const all = terms.flat().filter((l) => l !== ELLIPSIS);
  const once = [...new Set(all)].filter((l) => all.indexOf(l) === all.lastIndexOf(l));
  return [...(terms.some((t) => t.includes(ELLIPSIS)) ? [ELLIPSIS] : []), ...once.sort()];
}

function checkSizes(operands: readonly Operand[]): void {
  const seen = new Map<string, number>();
  operands.forEach(({ tensor, labels }, k) => {
    labels.forEach((l, i) => {
      const n = tensor._shape[i]!;
      const before = seen.get(l) ?? 1;
      if (n !== 1 && before !== 1 && n !== before) {
        throw new RuntimeError(
          `einsum(): subscript ${l.startsWith(".") ? "..." : l} has size ${String(n)} for operand ${String(k)} which does not broadcast with previously seen size ${String(before)}`,
        );
      }
      seen.set(l, before === 1 ? n : before);
    });
  });
}

function einsumImpl(equation: string, tensors: readonly Tensor[]): Tensor {
  const arrow = equation.indexOf("->");
  const terms = (arrow < 0 ? equation : equation.slice(0, arrow))
    .split(",")
    .map((term, k) => parseTerm(term, `operand ${String(k)}`));
  if (terms.length !== tensors.length) {
    throw new RuntimeError(
      `einsum(): ${terms.length > tensors.length ? "fewer" : "more"} operands were provided than specified in the equation`,
    );
  }
  const output = arrow < 0 ? implied(terms) : parseTerm(equation.slice(arrow + 2), "the output");
  let covered = 0;
  terms.forEach((labels, k) => {
    const rank = tensors[k]!.ndim;
    const named = labels.filter((l) => l !== ELLIPSIS).length;
    if (labels.includes(ELLIPSIS) ? named > rank : named !== rank) {
      throw new RuntimeError(
        `einsum(): the number of subscripts in the equation (${String(named)}) ${labels.includes(ELLIPSIS) ? "is more than" : "does not match"} the number of dimensions (${String(rank)}) for operand ${String(k)}${labels.includes(ELLIPSIS) ? "" : " and no ellipsis was given"}`,
      );
    }
    if (labels.includes(ELLIPSIS)) covered = Math.max(covered, rank - named);
  });
  const operands = terms.map((labels, k): Operand => {
    const own = tensors[k]!.ndim - labels.filter((l) => l !== ELLIPSIS).length;
    return withoutRepeats({ tensor: tensors[k]!, labels: nameAxes(labels, own) }, k);
  });
  checkSizes(operands);
  const result = nameAxes(output, covered);
  result.forEach((l, i) => {
    if (result.indexOf(l) !== i) {
      throw new RuntimeError(`einsum(): output subscript ${l} appears more than once in the output`);
    }
    if (!operands.some((o) => o.labels.includes(l))) {
      throw new RuntimeError(
        `einsum(): output subscript ${l} does not appear in the equation for any input operand`,
      );
    }
  });
  let done = operands[0]!;
  for (let k = 1; k < operands.length; k++) {
    const later = operands.slice(k + 1).flatMap((o) => o.labels);
    done = pairwise(done, operands[k]!, new Set([...result, ...later]));
  }
  const summed = done.labels.flatMap((l, i) => (result.includes(l) ? [] : [i]));
  const rest = done.labels.filter((l) => result.includes(l));
  const total = summed.length ? sum(done.tensor, summed) : done.tensor;
  return total.permute(result.map((l) => rest.indexOf(l)));
}

export const einsum = op({
  signature: "einsum(any... args) -> Tensor",
  on: ["torch"],
  doc: `Sums of products by the summation convention: \`torch.einsum("bij,bjk->bik", x, y)\`. Letters name axes, \`...\` stands for any number of them; those that the right side lacks are summed.\n\n${page("einsum")}`,
  call: (args) => {
    const { equation, tensors } = readCall(args);
    return einsumImpl(equation, tensors);
  },
});
