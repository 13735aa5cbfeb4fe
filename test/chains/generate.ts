/** Makes programs at random: the same seed, the same program. The library is asked for the shapes on the way. */
import type { Tensor } from "../../runtime/index.js";
import { overlapsAnywhere } from "../../runtime/tensor/strides.js";
import type { Answer, Argument, Program, Step } from "./program.js";
import { Replay } from "./replay.js";

/** Numbers from a seed (mulberry32). */
class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** One of 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** One of low … high. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  /** A number between -2 and 2, none near a whole one. */
  number(): number {
    return Math.round((this.next() * 4 - 2) * 64) / 64 + 1 / 256;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }
}

const numel = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** More elements than this say no more. */
const LIMIT = 96;

/** One operation on a tensor, or nothing when it does not apply. */
interface Draw {
  readonly op: string;
  readonly args: readonly Argument[];
  readonly pick?: number;
}

/** What a draw may look at. */
interface Scene {
  readonly chance: Chance;
  readonly self: Tensor;
  readonly all: readonly (Tensor | null)[];
}

type Maker = (scene: Scene) => Draw | undefined;

const axis = ({ chance, self }: Scene): number => {
  const d = chance.below(Math.max(1, self.ndim));
  return chance.chance(0.3) ? d - Math.max(1, self.ndim) : d;
};

const sizeAt = (self: Tensor, d: number): number => self.shape.at(d) ?? 1;

/** Divides a number of elements into axes. */
function factored(chance: Chance, n: number): number[] {
  const shape: number[] = [];
  let rest = n;
  while (rest > 1 && shape.length < 3) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0);
    const d = chance.pick(divisors);
    shape.push(d);
    rest /= d;
  }
  if (rest !== 1 || shape.length === 0) shape.push(rest);
  return chance.shuffled(shape);
}

function slice({ chance }: Scene, n: number): Argument {
  const start = chance.chance(0.3) ? null : chance.between(-n, n);
  const end = chance.chance(0.4) ? null : chance.between(-n, n + 1);
  return { slice: [start, end, chance.chance(0.3) ? 2 : null] };
}

/** Positions of an axis, wrapped when they fit. */
const places = ({ chance }: Scene, n: number, count: number): Argument => ({
  long: Array.from({ length: count }, () => chance.between(-n, n - 1)),
});

const positive = ({ chance }: Scene, n: number, count: number): Argument => ({
  long: Array.from({ length: count }, () => chance.below(n)),
});

function nested(flat: readonly unknown[], shape: readonly number[]): unknown {
  if (shape.length === 0) return flat[0];
  const step = numel(shape.slice(1));
  return Array.from({ length: shape[0]! }, (_, i) =>
    nested(flat.slice(i * step, (i + 1) * step), shape.slice(1)),
  );
}

/** A mask over the first axes of a tensor. */
function mask({ chance }: Scene, shape: readonly number[]): Argument {
  const flat = Array.from({ length: numel(shape) }, () => chance.chance(0.5));
  return { bool: nested(flat, shape) as unknown[] };
}

/** The basic and the advanced entries of an index. */
function entries(scene: Scene): Argument[] {
  const { chance, self } = scene;
  const out: Argument[] = [];
  const pair = chance.between(1, 3);
  for (const n of self.shape) {
    if (chance.chance(0.15)) break;
    if (chance.chance(0.1)) out.push(null);
    const kind = chance.next();
    if (n === 0 || kind < 0.45) out.push(slice(scene, n));
    else if (kind < 0.7) out.push(chance.between(-n, n - 1));
    else if (kind < 0.92) out.push(places(scene, n, pair));
    else out.push(mask(scene, [n]));
  }
  // Masks pick a number of places of their own, which would seldom fit that of the index tensors.
  const masks = out.filter((e) => typeof e === "object" && e !== null && "bool" in e).length;
  const longs = out.filter((e) => typeof e === "object" && e !== null && "long" in e).length;
  if (masks > 1 || (masks === 1 && longs > 0)) return [slice(scene, self.shape[0]!)];
  if (chance.chance(0.1)) out.push({ ellipsis: true });
  return out;
}

/** Another tensor that may be an operand: of the same shape, or one that broadcasts to it. */
function partner({ chance, self, all }: Scene, exact = false): Argument {
  const fits = all.flatMap((t, i) => {
    if (!t || t.dtype !== self.dtype) return [];
    const lead = self.ndim - t.ndim;
    if (exact) return t.shape.join() === self.shape.join() ? [i] : [];
    return lead >= 0 && t.shape.every((d, k) => d === 1 || d === self.shape[lead + k]) ? [i] : [];
  });
  return fits.length && chance.chance(0.8) ? { tensor: chance.pick(fits) } : chance.number();
}

const place = (a: Argument): a is { tensor: number } => typeof a === "object" && a !== null && "tensor" in a;

const views: readonly Maker[] = [
  ({ chance, self }) => ({ op: "view", args: factored(chance, self.numel()) }),
  ({ chance, self }) => ({ op: "reshape", args: factored(chance, self.numel()) }),
  (s) => ({ op: "transpose", args: [axis(s), axis(s)] }),
  ({ chance, self }) => ({ op: "permute", args: chance.shuffled([...self.shape.keys()]) }),
  () => ({ op: "t", args: [] }),
  (s) => {
    const d = axis(s);
    const n = sizeAt(s.self, d);
    return n && s.self.ndim ? { op: "select", args: [d, s.chance.between(-n, n - 1)] } : undefined;
  },
  (s) => {
    if (s.self.ndim === 0) return undefined;
    const d = axis(s);
    const n = sizeAt(s.self, d);
    const start = s.chance.below(n + 1);
    return { op: "narrow", args: [d, start, s.chance.below(n - start + 1)] };
  },
  (s) => ({ op: "unsqueeze", args: [s.chance.between(-s.self.ndim - 1, s.self.ndim)] }),
  (s) => ({ op: "squeeze", args: s.chance.chance(0.5) ? [axis(s)] : [] }),
  ({ chance, self }) => ({
    op: "expand",
    args: [
      ...(chance.chance(0.3) ? [chance.between(1, 3)] : []),
      ...self.shape.map((d) =>
        d === 1 && chance.chance(0.7) ? chance.between(1, 3) : chance.chance(0.3) ? -1 : d,
      ),
    ],
  }),
  ({ chance, self }) => {
    if (self.ndim < 2) return undefined;
    const [a, b] = chance.shuffled([...self.shape.keys()]) as [number, number];
    return { op: "diagonal", args: [chance.between(-2, 2), a, b] };
  },
  (s) => {
    const d = axis(s);
    const n = sizeAt(s.self, d);
    return n > 0 ? { op: "unfold", args: [d, s.chance.between(1, n), s.chance.between(1, 3)] } : undefined;
  },
  ({ chance, self }) => {
    const shape = factored(chance, chance.between(1, 6));
    const strides = shape.map(() => chance.between(0, 3));
    const offset = chance.chance(0.5) ? self.storageOffset() : chance.between(0, 3);
    const end = shape.reduce((n, d, i) => n + (d - 1) * strides[i]!, offset);
    // A refused view brings the history of a stale one up to date in PyTorch.
    if (end >= self.untypedStorage().size() && self.requiresGrad) return undefined;
    return { op: "as_strided", args: [shape, strides, offset] };
  },
  (s) => {
    const d = axis(s);
    const n = sizeAt(s.self, d);
    if (s.self.ndim === 0 || n === 0) return undefined;
    const each = s.chance.between(1, n);
    return { op: "split", args: [each, d], pick: s.chance.below(Math.ceil(n / each)) };
  },
  (s) => {
    const d = axis(s);
    const n = sizeAt(s.self, d);
    return s.self.ndim && n ? { op: "unbind", args: [d], pick: s.chance.below(n) } : undefined;
  },
  (s) =>
    s.self.ndim && sizeAt(s.self, 0) ? { op: "chunk", args: [s.chance.between(1, 3)], pick: 0 } : undefined,
  () => ({ op: "flatten", args: [] }),
  (s) => ({ op: "movedim", args: [axis(s), axis(s)] }),
  () => ({ op: "detach", args: [] }),
  ({ chance, self, all }) => {
    const fits = all.flatMap((t, i) => (t?.numel() === self.numel() ? [i] : []));
    return { op: "view_as", args: [{ tensor: chance.pick(fits) }] };
  },
  (s) => ({ op: "__getitem__", args: entries(s) }),
  (s) => ({ op: "__getitem__", args: entries(s) }),
];

const pointwise = ["tanh", "sigmoid", "sin", "cos", "neg", "abs", "relu", "square", "atan", "exp"];
/** Those that have an in-place form. */
const inPlacePointwise = ["tanh", "sigmoid", "sin", "cos", "neg", "abs", "relu", "square", "atan"];

const values: readonly Maker[] = [
  ({ chance }) => ({ op: chance.pick(pointwise), args: [] }),
  (s) => ({ op: s.chance.pick(["add", "sub", "mul", "maximum"]), args: [partnerTensor(s)] }),
  (s) => ({ op: s.chance.pick(["add", "sub", "mul"]), args: [partner(s)] }),
  (s) => ({ op: "sum", args: s.self.ndim && s.chance.chance(0.7) ? [axis(s), s.chance.chance(0.5)] : [] }),
  (s) => (s.self.ndim && s.self.numel() ? { op: "mean", args: [axis(s), s.chance.chance(0.5)] } : undefined),
  ({ self }) => (self.ndim === 2 ? { op: "matmul", args: [{ tensor: -2 }] } : undefined),
  () => ({ op: "clone", args: [] }),
  () => ({ op: "contiguous", args: [] }),
  (s) => (s.self.ndim ? { op: "cumsum", args: [axis(s)] } : undefined),
  (s) => (s.self.ndim ? { op: "flip", args: [axis(s)] } : undefined),
  (s) => (s.self.ndim ? { op: "roll", args: [s.chance.between(-2, 2), axis(s)] } : undefined),
  ({ chance }) => ({ op: "clamp", args: [-chance.next() - 0.01, chance.next() + 0.01] }),
  (s) => ({ op: "masked_fill", args: [mask(s, s.self.shape), s.chance.number()] }),
  (s) => ({ op: "cat", args: [[{ tensor: -1 }, { tensor: -1 }], axis(s)] }),
  (s) => ({ op: "stack", args: [[{ tensor: -1 }, { tensor: -1 }], axis(s)] }),
  (s) => ({ op: "where", args: [mask(s, s.self.shape), { tensor: -1 }, s.chance.number()] }),
  (s) => {
    const d = axis(s);
    const n = sizeAt(s.self, d);
    return n && s.self.ndim
      ? { op: "index_select", args: [d, positive(s, n, s.chance.between(1, 3))] }
      : undefined;
  },
  (s) => (s.self.numel() ? { op: "take", args: [places(s, s.self.numel(), 3)] } : undefined),
  ({ self }) => (self.ndim >= 2 ? { op: "tril", args: [] } : undefined),
  ({ chance, self }) =>
    self.ndim === 0 ? undefined : { op: "repeat", args: self.shape.map(() => chance.between(1, 2)) },
];

/** The same tensor where no other fits. */
function partnerTensor(s: Scene): Argument {
  const p = partner(s);
  return place(p) ? p : { tensor: -1 };
}

const writes: readonly Maker[] = [
  ({ chance }) => ({ op: `${chance.pick(inPlacePointwise)}_`, args: [] }),
  (s) => ({ op: s.chance.pick(["add_", "sub_", "mul_"]), args: [partner(s)] }),
  (s) => ({ op: s.chance.pick(["add_", "sub_", "mul_"]), args: [partner(s)] }),
  (s) => ({ op: s.chance.pick(["add_", "mul_", "copy_"]), args: [partnerTensor(s)] }),
  () => ({ op: "zero_", args: [] }),
  ({ chance }) => ({ op: "fill_", args: [chance.number()] }),
  ({ chance }) => ({ op: "clamp_", args: [-chance.next() - 0.01, chance.next() + 0.01] }),
  (s) => ({ op: "masked_fill_", args: [mask(s, s.self.shape), s.chance.number()] }),
  (s) => ({ op: "__setitem__", args: [...entries(s), s.chance.number()] }),
  (s) => ({ op: "__setitem__", args: [...entries(s), s.chance.number()] }),
  (s) => {
    const scalars = s.all.flatMap((t, i) => (t?.numel() === 1 && t.dtype === s.self.dtype ? [i] : []));
    return scalars.length
      ? { op: "__setitem__", args: [...entries(s), { tensor: s.chance.pick(scalars) }] }
      : undefined;
  },
  (s) => {
    const d = axis(s);
    const n = sizeAt(s.self, d);
    return n && s.self.ndim
      ? { op: "index_fill_", args: [d, places(s, n, 2), s.chance.number()] }
      : undefined;
  },
  (s) => {
    const p = partner(s, true);
    const n = sizeAt(s.self, 0);
    // PyTorch keeps the source for backward where its shape would do.
    if (place(p) && s.all[p.tensor]!.requiresGrad) return undefined;
    return place(p) && s.self.ndim && n ? { op: "index_add_", args: [0, positive(s, n, n), p] } : undefined;
  },
  (s) => ({ op: "transpose_", args: [axis(s), axis(s)] }),
  (s) => ({ op: "unsqueeze_", args: [s.chance.between(0, s.self.ndim)] }),
  () => ({ op: "squeeze_", args: [] }),
  () => ({ op: "t_", args: [] }),
  () => ({ op: "detach_", args: [] }),
];

/** Puts the tensor itself for -1 and its transpose's like for -2. */
function settle(a: Argument, on: number): Argument {
  if (Array.isArray(a)) return (a as readonly Argument[]).map((v) => settle(v, on));
  if (place(a) && a.tensor < 0) return { tensor: on };
  return a;
}

/** A program of so many steps, and what the library gave for it. */
export function generate(seed: number, count = 14): { readonly program: Program; readonly ours: Answer } {
  const chance = new Chance(seed * 2654435761 + 12345);
  const dtype = chance.chance(0.75) ? "float64" : "float32";
  const leaves = Array.from({ length: chance.between(1, 3) }, (_, i) => {
    const shape = Array.from({ length: chance.between(i === 0 ? 1 : 0, 3) }, () =>
      chance.chance(0.04) ? 0 : chance.between(1, 4),
    );
    return {
      shape,
      values: Array.from({ length: numel(shape) }, () => chance.number()),
      requiresGrad: chance.chance(0.7),
    };
  });
  const run = new Replay({ leaves, dtype });
  const steps: Step[] = [];
  for (let tries = 0; steps.length < count && tries < 20 * count; tries++) {
    const step = draw(chance, run.tensors);
    if (!step) continue;
    steps.push(step);
    run.step(step);
  }
  return { program: { seed, dtype, leaves, steps }, ours: run.finish() };
}

function draw(chance: Chance, all: readonly (Tensor | null)[]): Step | undefined {
  const usable = all.flatMap((t, i) => (t ? [i] : []));
  // Late tensors more often: chains, not bushes.
  const on = chance.chance(0.6)
    ? usable.at(-1 - chance.below(Math.min(3, usable.length)))!
    : chance.pick(usable);
  const self = all[on]!;
  const kind = chance.next();
  const makers = kind < 0.4 ? views : kind < 0.65 ? values : writes;
  const made = chance.pick(makers)({ chance, self, all });
  if (!made) return undefined;
  const grows = ["repeat", "stack", "cat", "expand", "unfold"].includes(made.op);
  if (grows && self.numel() * 3 > LIMIT) return undefined;
  // Without a size these are not calls in Python.
  if (self.ndim === 0 && ["permute", "expand"].includes(made.op) && made.args.length === 0) return undefined;
  // PyTorch deprecates to write a part of what several elements share; here it is refused.
  const shares = self.shape.some((d, i) => d > 1 && self.stride(i) === 0);
  // Of elements that meet by other strides PyTorch writes one after the other, in an order of its own.
  if (made.op.endsWith("_") && !shares && overlapsAnywhere(self.shape, self.stride())) return undefined;
  if (shares && ["__setitem__", "index_fill_", "masked_fill_"].includes(made.op)) return undefined;
  // Nor does PyTorch differentiate a fill of such a tensor.
  if (shares && made.op.endsWith("_") && self.requiresGrad) return undefined;
  // A shape changed without a record of it leaves PyTorch with gradients that do not fit.
  const reshapes = ["transpose_", "unsqueeze_", "squeeze_", "t_"].includes(made.op);
  // PyTorch keeps the inputs of these for backward where their shapes would do: here a change to them is no error.
  const keeps = ["mean", "take"].includes(made.op);
  const args = made.args.map((a) => settle(a, on));
  // What is read while it is written through other strides depends on the order, if PyTorch does not refuse it.
  const address = (t: Tensor): unknown => t.untypedStorage().dataPtr();
  const reads = args.flatMap((a) => (place(a) ? [all[a.tensor]!] : []));
  const meets = reads.some((t) => t !== self && address(t) === address(self));
  if (made.op.endsWith("_") && meets && ![self, ...reads].every((t) => t.isContiguous())) return undefined;
  if (made.op === "matmul") {
    const fits = usable.filter(
      (i) => all[i]!.ndim === 2 && all[i]!.shape[0] === self.shape[1] && all[i]!.dtype === self.dtype,
    );
    if (!fits.length) return undefined;
    args[0] = { tensor: chance.pick(fits) };
  }
  return {
    on,
    op: made.op,
    args,
    grad: (!chance.chance(0.12) && !keeps) || (reshapes && self.requiresGrad),
    ...(made.pick === undefined ? {} : { pick: made.pick }),
  };
}
