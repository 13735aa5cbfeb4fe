/** One step of RNN, LSTM and GRU. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { cat } from "./join.js";
import { linear } from "./matmul.js";
import { op, type OpFunction } from "./record.js";

export type Kind = "tanh" | "relu" | "lstm" | "gru";

/** How many gates: the rows of the weights over the hidden size. */
export const gatesOf = (kind: Kind): number => (kind === "lstm" ? 4 : kind === "gru" ? 3 : 1);

export interface State {
  readonly h: Tensor;
  readonly c?: Tensor;
}

/**
 * The next state from the input's part of the gates `[N, G]`, all biases in it but GRU's `bn`, which the reset gate
 * scales: n = tanh(xₙ + r · (h Whnᵀ + bn)).
 */
export function cell(
  kind: Kind,
  x: Tensor,
  h: Tensor,
  c: Tensor | undefined,
  wh: Tensor,
  bn: Tensor | null,
  wr: Tensor | null,
): State {
  const hg = linear(h, wh);
  switch (kind) {
    case "tanh":
      return { h: x.add(hg).tanh() };
    case "relu":
      return { h: x.add(hg).relu() };
    case "gru": {
      const [xr, xz, xn] = x.chunk(3, -1) as unknown as [Tensor, Tensor, Tensor];
      const [hr, hz, hn] = hg.chunk(3, -1) as unknown as [Tensor, Tensor, Tensor];
      const r = xr.add(hr).sigmoid();
      const z = xz.add(hz).sigmoid();
      const n = xn.add(r.mul(bn ? hn.add(bn) : hn)).tanh();
      return { h: n.add(z.mul(h.sub(n))) };
    }
    case "lstm": {
      const [i, f, g, o] = x.add(hg).chunk(4, -1) as unknown as [Tensor, Tensor, Tensor, Tensor];
      const next = f.sigmoid().mul(c!).add(i.sigmoid().mul(g.tanh()));
      const out = o.sigmoid().mul(next.tanh());
      return { h: wr ? linear(out, wr) : out, c: next };
    }
  }
}

/** The biases that go with the input, and GRU's that does not. */
export function splitBias(
  kind: Kind,
  bIh: Tensor | null,
  bHh: Tensor | null,
): { readonly input: Tensor | null; readonly bn: Tensor | null } {
  if (!bIh || !bHh) return { input: bIh ?? (kind === "gru" ? null : bHh), bn: null };
  if (kind !== "gru") return { input: bIh.add(bHh), bn: null };
  const [r, z, n] = bHh.chunk(3) as unknown as [Tensor, Tensor, Tensor];
  const [ir, iz, inner] = bIh.chunk(3) as unknown as [Tensor, Tensor, Tensor];
  return { input: cat([ir.add(r), iz.add(z), inner]), bn: n };
}

function checkCell(input: Tensor, hx: Tensor, wIh: Tensor, wHh: Tensor, kind: Kind): void {
  const gates = gatesOf(kind);
  if (input.ndim !== 2 && input.ndim !== 1) {
    throw new RuntimeError(`Expected input to be 1-D or 2-D but received ${String(input.ndim)}-D tensor`);
  }
  if (input._shape.at(-1) !== wIh._shape[1]) {
    throw new RuntimeError(
      `input has inconsistent input_size: got ${String(input._shape.at(-1))} expected ${String(wIh._shape[1])}`,
    );
  }
  if (hx._shape.at(-1) !== wHh._shape[1] || wHh._shape[0] !== gates * wHh._shape[1]!) {
    throw new RuntimeError(
      `hidden has inconsistent hidden_size: got ${String(hx._shape.at(-1))}, expected ${String(wHh._shape[1])}`,
    );
  }
  if (hx.ndim !== input.ndim || (input.ndim === 2 && hx._shape[0] !== input._shape[0])) {
    throw new RuntimeError(
      `Input batch size ${String(input._shape[0])} doesn't match hidden batch size ${String(hx._shape[0])}`,
    );
  }
}

function step(kind: Kind, input: Tensor, hx: readonly Tensor[], [wIh, wHh, bIh, bHh]: Weights): State {
  checkCell(input, hx[0]!, wIh, wHh, kind);
  const { input: bias, bn } = splitBias(kind, bIh, bHh);
  return cell(kind, linear(input, wIh, bias), hx[0]!, hx[1], wHh, bn, null);
}

/** The cells with one state. */
function oneState(name: string, kind: Kind, formula: string): OpFunction<string> {
  return op({
    signature:
      `${name}(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor` as string,
    on: ["torch"],
    doc: `${formula}: \`[N, H]\` from the input \`[N, F]\` and the state \`[N, H]\`.`,
    call: ((input: Tensor, hx: Tensor, ...weights: Weights) => step(kind, input, [hx], weights).h) as never,
  });
}

type Weights = [wIh: Tensor, wHh: Tensor, bIh: Tensor | null, bHh: Tensor | null];

export const rnnTanhCell = oneState("rnn_tanh_cell", "tanh", "tanh(x Wihᵀ + bih + h Whhᵀ + bhh)");
export const rnnReluCell = oneState("rnn_relu_cell", "relu", "relu(x Wihᵀ + bih + h Whhᵀ + bhh)");
export const gruCell = oneState("gru_cell", "gru", "One step of a gated recurrent unit");

export const lstmCell = op({
  signature:
    "lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> any",
  on: ["torch"],
  doc: `One step of a long short-term memory: the hidden and the cell state \`[N, H]\` from the input \`[N, F]\` and \`hx\`, both states.\n\n${page("nn.LSTMCell")}`,
  call: (input, hx, ...weights) => {
    if (hx.length !== 2) throw new RuntimeError("lstm_cell expects two hidden states");
    const { h, c } = step("lstm", input, hx, weights);
    return [h, c!];
  },
});
