/**
 * The recurrences of RNN, LSTM and GRU over a whole sequence, each one operation: a loop in the graph whose size does
 * not grow with the sequence. What does not depend on the state before (the projection of the input, the gradients of
 * the weights) is a few large matrix products outside the loop.
 */
import { isGradEnabled } from "../autograd/mode.js";
import { grad as gradOf } from "../autograd/backward.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs, Meta } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { applyAll } from "./apply.js";
import { cell, type Kind } from "./cell.js";
import { where as whereOf } from "./compare.js";
import { cat, stack } from "./join.js";
import { matmul } from "./matmul.js";
import { primitive, type GradContext, type OpPrimitive } from "./record.js";
import { sliceOf } from "./view.js";

interface RecurrenceAttrs extends Attrs {
  readonly kind: Kind;
  /** From the last step to the first. */
  readonly reverse: boolean;
  /** LSTM: the output is projected, h = (o · tanh c) Wrᵀ. */
  readonly projected: boolean;
  /** Sequences of different lengths: there is a bool mask `[T, N, 1]`, and where it is false the state stays. */
  readonly masked: boolean;
}

/** What a recurrence takes, in its order; those that are not there left out. */
export interface RecurrenceInputs {
  /** The input's part of the gates, biases included, `[T, N, G]`. */
  readonly xg: Tensor;
  /** `[G, H']` */
  readonly wh: Tensor;
  readonly h0: Tensor;
  /** LSTM. */
  readonly c0?: Tensor | undefined;
  /** GRU: the hidden bias of the new gate, which the reset gate scales. */
  readonly bn?: Tensor | undefined;
  /** `[P, H]` */
  readonly wr?: Tensor | undefined;
  readonly mask?: Tensor | undefined;
}

const order = ["xg", "wh", "h0", "c0", "bn", "wr", "mask"] as const;
type Name = (typeof order)[number];

function namesOf({ kind, projected, masked }: RecurrenceAttrs): Name[] {
  return order.filter((n) => {
    if (n === "c0") return kind === "lstm";
    if (n === "bn") return kind === "gru";
    if (n === "wr") return projected;
    return n !== "mask" || masked;
  });
}

/** Tensors, references or shapes by the names of the inputs. */
function byName<T>(
  a: RecurrenceAttrs,
  inputs: readonly T[],
): Partial<Record<Name, T>> & Record<"xg" | "wh" | "h0", T> {
  return Object.fromEntries(namesOf(a).map((n, i) => [n, inputs[i]!])) as never;
}

const isLstm = (a: RecurrenceAttrs): boolean => a.kind === "lstm";

/** One step in ONNX nodes: gates from their two parts, and the next state. */
function stepForward(
  b: Builder,
  a: RecurrenceAttrs,
  x: Ref,
  h: Ref,
  c: Ref | undefined,
  outer: { readonly whT: Ref; readonly bn?: Ref; readonly wrT?: Ref },
): { h: Ref; c?: Ref; gates?: Ref } {
  const node = (op: string, ...inputs: Ref[]): Ref => b.node(op, inputs);
  const split = (t: Ref, n: number): Ref[] => b.multi("Split", [t], n, { axis: -1, num_outputs: n });
  const hg = node("MatMul", h, outer.whT);
  switch (a.kind) {
    case "tanh":
      return { h: node("Tanh", node("Add", x, hg)) };
    case "relu":
      return { h: node("Relu", node("Add", x, hg)) };
    case "gru": {
      const [xr, xz, xn] = split(x, 3) as [Ref, Ref, Ref];
      const [hr, hz, hnRaw] = split(hg, 3) as [Ref, Ref, Ref];
      const hn = node("Add", hnRaw, outer.bn!);
      const r = node("Sigmoid", node("Add", xr, hr));
      const z = node("Sigmoid", node("Add", xz, hz));
      const n = node("Tanh", node("Add", xn, node("Mul", r, hn)));
      const next = node("Add", n, node("Mul", z, node("Sub", h, n)));
      return { h: next, gates: b.node("Concat", [r, z, n, hn], { axis: -1 }) };
    }
    case "lstm": {
      const [ia, fa, ga, oa] = split(node("Add", x, hg), 4) as [Ref, Ref, Ref, Ref];
      const [i, f, o] = [ia, fa, oa].map((t) => node("Sigmoid", t)) as [Ref, Ref, Ref];
      const g = node("Tanh", ga);
      const next = node("Add", node("Mul", f, c!), node("Mul", i, g));
      const out = node("Mul", o, node("Tanh", next));
      return {
        h: outer.wrT ? node("MatMul", out, outer.wrT) : out,
        c: next,
        gates: b.node("Concat", [i, f, g, o], { axis: -1 }),
      };
    }
  }
}

const where = (b: Builder, mask: Ref, yes: Ref, no: Ref): Ref =>
  b.node("Where", [mask, yes, no], undefined, yes.dtype);

const transposed = (b: Builder, t: Ref): Ref => b.node("Transpose", [t], { perm: [1, 0] });

/**
 * Hidden states of all steps `[T, N, H']`; for LSTM the cell states `[T, N, H]`; for LSTM and GRU what the gates were,
 * `[T, N, 4H]`, for backward.
 */
const recurrence: OpPrimitive<RecurrenceAttrs> = primitive<RecurrenceAttrs>({
  name: "recurrence",
  infer: (inputs, a) => {
    const { xg, h0, c0 } = byName<Meta>(a, inputs);
    const [t, n] = xg.shape as [number, number];
    const of = (width: number): Meta => ({ shape: [t, n, width], dtype: xg.dtype });
    const out = [of(h0.shape[1]!)];
    if (c0) out.push(of(c0.shape[1]!));
    if (isLstm(a) || a.kind === "gru") out.push(of(4 * (c0 ?? h0).shape[1]!));
    return out;
  },
  grad: (ctx, _g, gs) => {
    const a = ctx.attrs;
    const inputs = byName(
      a,
      Array.from({ length: ctx.inputs }, (_, i) => ctx.input(i)),
    );
    const given = isGradEnabled() ? throughSteps(ctx, a, inputs, gs) : backwardAll(ctx, a, inputs, gs);
    return namesOf(a).map((n) => given[n]);
  },
  lower: (b, inputs, a) => {
    const { xg, wh, h0, c0, bn, wr, mask } = byName<Ref>(a, inputs);
    // Nodes of this graph, not results: the loop's body must find them under their names.
    const outer = {
      whT: transposed(b, wh),
      ...(bn ? { bn: b.node("Identity", [bn]) } : {}),
      ...(wr ? { wrT: transposed(b, wr) } : {}),
    };
    const { collected } = b.scan(
      c0 ? [h0, c0] : [h0],
      mask ? [xg, mask] : [xg],
      (body, [h, c], [x, m]) => {
        const next = stepForward(body, a, x!, h!, c, outer);
        const hNext = m ? where(body, m, next.h, h!) : next.h;
        const cNext = next.c && (m ? where(body, m, next.c, c!) : next.c);
        const state = cNext ? [hNext, cNext] : [hNext];
        return { state, collect: next.gates ? [...state, next.gates] : state };
      },
      a.reverse,
    );
    return collected;
  },
  cost: (inputs, a) => {
    const { xg, wh, wr } = byName<Meta>(a, inputs);
    const rows = xg.shape[0]! * xg.shape[1]!;
    return rows * (wh.shape[0]! * wh.shape[1]! + (wr ? wr.shape[0]! * wr.shape[1]! : 0));
  },
});

type Gradients = Partial<Record<Name, Tensor | null>>;

/** Gradients that can be differentiated again: through the steps one by one. */
function throughSteps(
  ctx: GradContext<RecurrenceAttrs>,
  a: RecurrenceAttrs,
  inputs: ReturnType<typeof byName<Tensor>>,
  gs: readonly (Tensor | null)[],
): Gradients {
  const names = namesOf(a).filter((_, i) => ctx.needs(i));
  const { hs, cs } = unrolled(a, inputs);
  const outputs = [hs, cs].flatMap((t, i) => (t && gs[i] ? [t] : []));
  const grads = [gs[0], cs ? gs[1] : null].filter((g) => g !== null && g !== undefined);
  const found = gradOf(
    outputs,
    names.map((n) => inputs[n]!),
    { gradOutputs: grads, createGraph: true, allowUnused: true },
  );
  return Object.fromEntries(names.map((n, i) => [n, found[i]]));
}

/** The same recurrence as an operation for every step. */
function unrolled(
  a: RecurrenceAttrs,
  { xg, wh, h0, c0, bn, wr, mask }: ReturnType<typeof byName<Tensor>>,
): { hs: Tensor; cs?: Tensor } {
  const steps = xg._shape[0]!;
  const hs = new Array<Tensor>(steps);
  const cs = new Array<Tensor>(steps);
  let [h, c] = [h0, c0];
  for (let i = 0; i < steps; i++) {
    const t = a.reverse ? steps - 1 - i : i;
    const next = cell(a.kind, xg.select(0, t), h, c, wh, bn ?? null, wr ?? null);
    const m = mask?.select(0, t);
    const kept = (now: Tensor, before: Tensor): Tensor => (m ? whereOf(m, now, before) : now);
    h = kept(next.h, h);
    hs[t] = h;
    if (next.c) cs[t] = c = kept(next.c, c!);
  }
  return c0 ? { hs: stack(hs), cs: stack(cs) } : { hs: stack(hs) };
}

interface BackwardAttrs extends RecurrenceAttrs {
  /** Whether gradients of the hidden and of the cell states came. */
  readonly withH: boolean;
  readonly withC: boolean;
}

/** States before each step. */
function before(states: Tensor, first: Tensor, reverse: boolean): Tensor {
  const start = first.unsqueeze(0);
  const t = states._shape[0]!;
  return reverse ? cat([sliceOf(states, 0, 1, t), start], 0) : cat([start, sliceOf(states, 0, 0, t - 1)], 0);
}

const flat = (t: Tensor): Tensor => t.reshape(-1, t._shape.at(-1)!);

function backwardAll(
  ctx: GradContext<RecurrenceAttrs>,
  a: RecurrenceAttrs,
  { wh, h0, c0, bn, wr, mask }: ReturnType<typeof byName<Tensor>>,
  gs: readonly (Tensor | null)[],
): Gradients {
  const hs = ctx.output(0);
  const [cs, gates] = isLstm(a)
    ? [ctx.output(1), ctx.output(2)]
    : [null, a.kind === "gru" ? ctx.output(1) : null];
  const hPrev = before(hs, h0, a.reverse);
  const cPrev = cs && before(cs, c0!, a.reverse);
  const gh = gs[0] ?? null;
  const gc = isLstm(a) ? (gs[1] ?? null) : null;
  const attrs: BackwardAttrs = { ...a, withH: gh !== null, withC: gc !== null };
  const inputs = [
    wh,
    h0,
    c0,
    wr,
    mask,
    gh,
    gc,
    a.kind === "gru" ? hPrev : null,
    a.kind === "gru" || isLstm(a) ? null : hs,
    cs,
    cPrev,
    gates,
  ];
  const results = applyAll(
    recurrenceBackward,
    inputs.filter((t) => t !== null && t !== undefined),
    attrs,
  );
  const [dxg, dh0, dc0OrDhn, dhTotal] = results as [Tensor, Tensor, Tensor, Tensor];
  const out: Gradients = { xg: dxg, h0: dh0 };
  const weight = (dg: Tensor, x: Tensor): Tensor => matmul(flat(dg).transpose(0, 1), flat(x));
  if (a.kind === "gru") {
    // The new gate's hidden part is scaled by the reset gate.
    const h = h0._shape[1]!;
    const dhg = cat([sliceOf(dxg, 2, 0, 2 * h), dc0OrDhn], 2);
    out.wh = weight(dhg, hPrev);
    out.bn = bn ? dc0OrDhn.sum([0, 1]) : null;
  } else {
    out.wh = weight(dxg, hPrev);
  }
  if (isLstm(a)) out.c0 = dc0OrDhn;
  if (wr) {
    const h = c0!._shape[1]!;
    out.wr = weight(dhTotal, sliceOf(gates!, 2, 3 * h, 4 * h).mul(cs!.tanh()));
  }
  return out;
}

/**
 * Gradients of the input's gates `[T, N, G]` and of the first states; for GRU also of the new gate's hidden part
 * `[T, N, H]`, for a projected LSTM of the outputs before they were projected on, `[T, N, P]`.
 */
const recurrenceBackward: OpPrimitive<BackwardAttrs> = primitive<BackwardAttrs>({
  name: "recurrence_backward",
  infer: (inputs, a) => {
    const [wh, h0, c0] = inputs as [Meta, Meta, Meta];
    const [t, n] = inputs.at(-1)!.shape as [number, number];
    const dtype = wh.dtype;
    const out: Meta[] = [{ shape: [t, n, wh.shape[0]!], dtype }, h0];
    if (isLstm(a)) out.push(c0);
    if (a.kind === "gru") out.push({ shape: [t, n, h0.shape[1]!], dtype });
    if (a.projected) out.push({ shape: [t, n, h0.shape[1]!], dtype });
    return out;
  },
  // Differentiated again, the steps are recorded one by one instead.
  grad: null,
  lower: (b, inputs, a) => {
    const rest = [...inputs];
    const take = (there: boolean): Ref | undefined => (there ? rest.shift()! : undefined);
    const lstm = isLstm(a);
    const gru = a.kind === "gru";
    const whOuter = b.node("Identity", [take(true)!]);
    const h0 = take(true)!;
    const c0 = take(lstm);
    const wrGiven = take(a.projected);
    const wr = wrGiven && b.node("Identity", [wrGiven]);
    const over: Partial<Record<"mask" | "gh" | "gc" | "hPrev" | "hs" | "cs" | "cPrev" | "gates", Ref>> = {
      ...optional("mask", take(a.masked)),
      ...optional("gh", take(a.withH)),
      ...optional("gc", take(a.withC)),
      ...optional("hPrev", take(gru)),
      ...optional("hs", take(!gru && !lstm)),
      ...optional("cs", take(lstm)),
      ...optional("cPrev", take(lstm)),
      ...optional("gates", take(lstm || gru)),
    };
    const zeroState = (like: Ref): Ref => {
      const shape = b.node("Shape", [like], undefined, "int64");
      return b.node("Expand", [b.scalar(0, like.dtype), shape], undefined, like.dtype, like.shape);
    };
    const names = Object.keys(over) as (keyof typeof over)[];
    const { state, collected } = b.scan(
      c0 ? [zeroState(h0), zeroState(c0)] : [zeroState(h0)],
      names.map((n) => over[n]!),
      (body, [dhIn, dcIn], steps) => {
        const s = Object.fromEntries(names.map((n, i) => [n, steps[i]!])) as typeof over;
        return stepBackward(body, a, s, dhIn!, dcIn, whOuter, wr);
      },
      !a.reverse,
    );
    const [dxg, ...more] = collected as [Ref, ...Ref[]];
    return [dxg, ...state, ...more];
  },
});

function optional<K extends string>(name: K, ref: Ref | undefined): Partial<Record<K, Ref>> {
  return (ref ? { [name]: ref } : {}) as Partial<Record<K, Ref>>;
}

function stepBackward(
  b: Builder,
  a: BackwardAttrs,
  s: Partial<Record<"mask" | "gh" | "gc" | "hPrev" | "hs" | "cs" | "cPrev" | "gates", Ref>>,
  dhIn: Ref,
  dcIn: Ref | undefined,
  wh: Ref,
  wr: Ref | undefined,
): { state: Ref[]; collect: Ref[] } {
  const node = (op: string, ...inputs: Ref[]): Ref => b.node(op, inputs);
  const add = (x: Ref, y: Ref): Ref => node("Add", x, y);
  const mul = (x: Ref, y: Ref): Ref => node("Mul", x, y);
  const sub = (x: Ref, y: Ref): Ref => node("Sub", x, y);
  const one = b.scalar(1, dhIn.dtype);
  /** x (1 − x) and 1 − x²: derivatives of the logistic function and of tanh by their values. */
  const logistic = (x: Ref): Ref => mul(x, sub(one, x));
  const square = (x: Ref): Ref => sub(one, mul(x, x));
  const split = (t: Ref, n: number): Ref[] => b.multi("Split", [t], n, { axis: -1, num_outputs: n });
  const concat = (...parts: Ref[]): Ref => b.node("Concat", parts, { axis: -1 });

  let dh = s.gh ? add(dhIn, s.gh) : dhIn;
  let dc = dcIn && s.gc ? add(dcIn, s.gc) : dcIn;
  // Where the mask is false the gradient passes by.
  const zero = b.scalar(0, dhIn.dtype);
  const { mask } = s;
  const past = mask ? { h: where(b, mask, zero, dh), c: dc && where(b, mask, zero, dc) } : undefined;
  if (mask) {
    dh = where(b, mask, dh, zero);
    dc &&= where(b, mask, dc, zero);
  }
  const onward = (h: Ref): Ref => (past ? add(h, past.h) : h);
  switch (a.kind) {
    case "tanh":
    case "relu": {
      const slope =
        a.kind === "tanh"
          ? square(s.hs!)
          : b.cast(b.node("Greater", [s.hs!, zero], undefined, "bool"), dhIn.dtype);
      const d = mul(dh, slope);
      return { state: [onward(node("MatMul", d, wh))], collect: [d] };
    }
    case "gru": {
      const [r, z, n, hn] = split(s.gates!, 4) as [Ref, Ref, Ref, Ref];
      const dn = mul(mul(dh, sub(one, z)), square(n));
      const dz = mul(mul(dh, sub(s.hPrev!, n)), logistic(z));
      const dr = mul(mul(dn, hn), logistic(r));
      const dhn = mul(dn, r);
      const back = add(mul(dh, z), node("MatMul", concat(dr, dz, dhn), wh));
      return { state: [onward(back)], collect: [concat(dr, dz, dn), dhn] };
    }
    case "lstm": {
      const [i, f, g, o] = split(s.gates!, 4) as [Ref, Ref, Ref, Ref];
      const tc = node("Tanh", s.cs!);
      const dOut = wr ? node("MatMul", dh, wr) : dh;
      const dcAll = add(dc!, mul(mul(dOut, o), square(tc)));
      const gates = concat(
        mul(mul(dcAll, g), logistic(i)),
        mul(mul(dcAll, s.cPrev!), logistic(f)),
        mul(mul(dcAll, i), square(g)),
        mul(mul(dOut, tc), logistic(o)),
      );
      const dcPrev = mul(dcAll, f);
      return {
        state: [onward(node("MatMul", gates, wh)), past ? add(dcPrev, past.c!) : dcPrev],
        collect: wr ? [gates, dh] : [gates],
      };
    }
  }
}

/** Runs a recurrence: hidden states of all steps, and for LSTM cell states. */
export function recur(
  kind: Kind,
  inputs: RecurrenceInputs,
  reverse: boolean,
): { readonly hs: Tensor; readonly cs?: Tensor } {
  const attrs: RecurrenceAttrs = {
    kind,
    reverse,
    projected: inputs.wr !== undefined,
    masked: inputs.mask !== undefined,
  };
  const given = namesOf(attrs).map((n) => inputs[n]!);
  const [hs, cs] = applyAll(recurrence, given, attrs) as [Tensor, Tensor];
  return kind === "lstm" ? { hs, cs } : { hs };
}
