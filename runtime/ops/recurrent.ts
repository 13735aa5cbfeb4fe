/** RNN, LSTM and GRU over sequences: layers, directions, packed sequences. */
import { RuntimeError } from "../errors.js";
import { read } from "../graph/executor.js";
import { bool, int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { splitBias, type Kind } from "./cell.js";
import { zeros } from "./create.js";
import { dropout } from "./dropout.js";
import { cat, stack } from "./join.js";
import { fromData } from "./leaf.js";
import { linear } from "./matmul.js";
import { op, type OpFunction } from "./record.js";
import { recur } from "./recurrence.js";

/** Between packed data `[sum of lengths, F]` and steps `[T, N, F]`. */
interface Packing {
  readonly steps: number;
  readonly batch: number;
  /** Rows of the packed data by step and sequence; any row where a sequence has ended. */
  readonly rows: Tensor;
  /** Places among the steps of the packed rows. */
  readonly places: Tensor;
  readonly mask: Tensor;
}

const ints = (values: readonly number[]): Tensor =>
  fromData(BigInt64Array.from(values, BigInt), [values.length], int64);

/** @throws RuntimeError for sizes that do not go with the data. */
function packingOf(data: Tensor, batchSizes: Tensor): Packing {
  const sizes = Array.from(read(batchSizes._value) as BigInt64Array, Number);
  const batch = sizes[0] ?? 0;
  const total = sizes.reduce((n, s) => n + s, 0);
  if (total !== data._shape[0]) {
    throw new RuntimeError(
      `batch_sizes sum to ${String(total)}, and the packed data has ${String(data._shape[0])} rows`,
    );
  }
  const rows: number[] = [];
  const places: number[] = [];
  const valid: number[] = [];
  let start = 0;
  sizes.forEach((size, t) => {
    for (let n = 0; n < batch; n++) {
      rows.push(n < size ? start + n : 0);
      valid.push(Number(n < size));
      if (n < size) places.push(t * batch + n);
    }
    start += size;
  });
  return {
    steps: sizes.length,
    batch,
    rows: ints(rows),
    places: ints(places),
    mask: fromData(Uint8Array.from(valid), [sizes.length, batch, 1], bool),
  };
}

const unpacked = (data: Tensor, { rows, steps, batch }: Packing): Tensor =>
  data.indexSelect(0, rows).reshape(steps, batch, data._shape[1]!);
const packed = (t: Tensor, { places }: Packing): Tensor => t.reshape(-1, t._shape[2]!).indexSelect(0, places);

interface Layers {
  readonly kind: Kind;
  readonly params: readonly Tensor[];
  readonly hasBiases: boolean;
  readonly numLayers: number;
  readonly dropout: number;
  readonly train: boolean;
  readonly bidirectional: boolean;
  /** LSTM with projections: one more weight each. */
  readonly projected: boolean;
}

/** Runs all layers over `[T, N, F]`; the states are `[layers · directions, N, H]`. */
function runLayers(
  o: Layers,
  input: Tensor,
  hx: readonly Tensor[],
  packing: Packing | null,
): { readonly output: Tensor; readonly hn: Tensor; readonly cn: Tensor | null } {
  const directions = o.bidirectional ? 2 : 1;
  const perCell = 2 + (o.hasBiases ? 2 : 0) + (o.projected ? 1 : 0);
  if (o.params.length !== perCell * o.numLayers * directions) {
    throw new RuntimeError(
      `expected ${String(perCell * o.numLayers * directions)} parameters for ${String(o.numLayers)} layers, got ${String(o.params.length)}`,
    );
  }
  const mask = packing?.mask;
  const steps = input._shape[0]!;
  if (steps === 0) throw new RuntimeError("Expected sequence length to be larger than 0 in RNN");
  const hn: Tensor[] = [];
  const cn: Tensor[] = [];
  let x = input;
  for (let layer = 0; layer < o.numLayers; layer++) {
    const outputs: Tensor[] = [];
    for (let d = 0; d < directions; d++) {
      const at = layer * directions + d;
      const own = o.params.slice(at * perCell, (at + 1) * perCell);
      const [wIh, wHh] = own as [Tensor, Tensor];
      const [bIh, bHh] = o.hasBiases ? [own[2]!, own[3]!] : [null, null];
      const bias = splitBias(o.kind, bIh, bHh);
      const last = d === 1 ? 0 : steps - 1;
      const { hs, cs } = recur(
        o.kind,
        {
          xg: linear(x, wIh, bias.input),
          wh: wHh,
          h0: hx[0]!.select(0, at),
          c0: o.kind === "lstm" ? hx[1]!.select(0, at) : undefined,
          bn: o.kind === "gru" ? (bias.bn ?? zeros([wHh._shape[1]!], { dtype: wHh.dtype })) : undefined,
          wr: o.projected ? own.at(-1) : undefined,
          mask,
        },
        d === 1,
      );
      outputs.push(hs);
      hn.push(hs.select(0, last));
      if (cs) cn.push(cs.select(0, last));
    }
    x = directions === 2 ? cat(outputs, 2) : outputs[0]!;
    if (o.dropout > 0 && o.train && layer < o.numLayers - 1) {
      // Random numbers are drawn for the packed rows only.
      x = packing ? unpacked(dropout(packed(x, packing), o.dropout), packing) : dropout(x, o.dropout);
    }
  }
  return { output: x, hn: stack(hn), cn: cn.length ? stack(cn) : null };
}

interface Padded extends Layers {
  readonly batchFirst: boolean;
}

function overPadded(o: Padded, input: Tensor, hx: readonly Tensor[]): (Tensor | null)[] {
  const x = o.batchFirst ? input.transpose(0, 1) : input;
  const { output, hn, cn } = runLayers(o, x, hx, null);
  return [o.batchFirst ? output.transpose(0, 1) : output, hn, cn];
}

function overPacked(o: Layers, data: Tensor, batchSizes: Tensor, hx: readonly Tensor[]): (Tensor | null)[] {
  const packing = packingOf(data, batchSizes);
  const { output, hn, cn } = runLayers(o, unpacked(data, packing), hx, packing);
  return [packed(output, packing), hn, cn];
}

const lead = (name: string): string =>
  `The recurrence of \`nn.${name}\` over a sequence \`[T, N, F]\`, or over a packed one.`;

const rest = "bool has_biases, int num_layers, float dropout, bool train, bool bidirectional";
type Rest = [
  params: Tensor[],
  hasBiases: boolean,
  numLayers: number,
  dropout: number,
  train: boolean,
  bidirectional: boolean,
];

/** The recurrences with one state. */
function recurrentOp(name: string, kind: Kind, layer: string): OpFunction<string> {
  const layers = ([params, hasBiases, numLayers, p, train, bidirectional]: Rest): Layers => ({
    kind,
    params,
    hasBiases,
    numLayers,
    dropout: p,
    train,
    bidirectional,
    projected: false,
  });
  return op(
    {
      signature:
        `${name}(Tensor data, Tensor batch_sizes, Tensor hx, Tensor[] params, ${rest}) -> any` as string,
      on: ["torch"],
      doc: lead(layer),
      call: ((data: Tensor, sizes: Tensor, hx: Tensor, ...more: Rest) =>
        overPacked(layers(more), data, sizes, [hx]).slice(0, 2)) as never,
    },
    {
      signature:
        `${name}(Tensor input, Tensor hx, Tensor[] params, ${rest}, bool batch_first) -> any` as string,
      call: ((input: Tensor, hx: Tensor, ...more: [...Rest, boolean]) => {
        const batchFirst = more.pop() as boolean;
        return overPadded({ ...layers(more as unknown as Rest), batchFirst }, input, [hx]).slice(0, 2);
      }) as never,
    },
  );
}

export const rnnTanh = recurrentOp("rnn_tanh", "tanh", "RNN");
export const rnnRelu = recurrentOp("rnn_relu", "relu", "RNN");
export const gru = recurrentOp("gru", "gru", "GRU");

/** Projected where the hidden state is narrower than the cell state. */
const projected = (hx: readonly Tensor[]): boolean => hx[0]!._shape.at(-1) !== hx[1]!._shape.at(-1);

function checkStates(hx: readonly Tensor[]): void {
  if (hx.length !== 2) throw new RuntimeError("lstm expects two hidden states");
}

export const lstm = op(
  {
    signature:
      "lstm(Tensor data, Tensor batch_sizes, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> any",
    on: ["torch"],
    doc: lead("LSTM"),
    call: (data, sizes, hx, params, hasBiases, numLayers, p, train, bidirectional) => {
      checkStates(hx);
      const o = { kind: "lstm", params, hasBiases, numLayers, dropout: p, train, bidirectional } as const;
      return overPacked({ ...o, projected: projected(hx) }, data, sizes, hx);
    },
  },
  {
    signature:
      "lstm(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> any",
    call: (input, hx, params, hasBiases, numLayers, p, train, bidirectional, batchFirst) => {
      checkStates(hx);
      const o = { kind: "lstm", params, hasBiases, numLayers, dropout: p, train, bidirectional } as const;
      return overPadded({ ...o, projected: projected(hx), batchFirst }, input, hx);
    },
  },
);
