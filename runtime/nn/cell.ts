/** Recurrent cells: one step. @see https://pytorch.org/docs/stable/nn.html#recurrent-layers */
import { AssertionError, RuntimeError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

const base =
  "RNNCellBase(int input_size, int hidden_size, bool bias, int num_chunks, device? device=None, dtype? dtype=None) -> any";
const plain =
  "Cell(int input_size, int hidden_size, bool bias=True, device? device=None, dtype? dtype=None) -> any";
const elman =
  "RNNCell(int input_size, int hidden_size, bool bias=True, str nonlinearity='tanh', device? device=None, dtype? dtype=None) -> any";

export interface CellOptions {
  readonly bias?: boolean;
  readonly dtype?: DType;
  readonly device?: DeviceLike;
}

/** Weights `[chunks · H, F]` and `[chunks · H, H]`, biases, and their initialisation. */
export class RNNCellBase extends Module {
  static override readonly stateNames = "pytorch";
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly bias: boolean;
  weightIh: Parameter;
  weightHh: Parameter;
  biasIh: Parameter | null;
  biasHh: Parameter | null;

  constructor(...args: CallArgs<typeof base>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(base, args);
    this.inputSize = o.inputSize;
    this.hiddenSize = o.hiddenSize;
    this.bias = o.bias;
    const rows = o.numChunks * o.hiddenSize;
    const parameter = (...shape: number[]): Parameter =>
      new Parameter(torch.empty(shape, { dtype: o.dtype, device: o.device }));
    this.weightIh = parameter(rows, o.inputSize);
    this.weightHh = parameter(rows, o.hiddenSize);
    this.biasIh = o.bias ? parameter(rows) : null;
    this.biasHh = o.bias ? parameter(rows) : null;
    this.resetParameters();
  }

  /** Uniform in ±1/√hiddenSize. */
  resetParameters(): void {
    const limit = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const p of this.parameters()) init.uniform_(p, -limit, limit);
  }

  /** Runs `step` over a batch, of one where there is no batch axis; without states, from zeros. */
  protected over(
    input: Tensor,
    states: readonly Tensor[] | null,
    count: number,
    step: (input: Tensor, states: Tensor[]) => Tensor[],
  ): Tensor[] {
    if (input.ndim !== 1 && input.ndim !== 2) {
      throw new AssertionError(
        `${this._getName()}: Expected input to be 1-D or 2-D but received ${String(input.ndim)}-D tensor`,
      );
    }
    const batched = input.ndim === 2;
    const x = batched ? input : input.unsqueeze(0);
    const given = states?.map((h) => (batched ? h : h.unsqueeze(0)));
    const zeros = (): Tensor =>
      torch.zeros([x.shape[0]!, this.hiddenSize], { dtype: x.dtype, device: x.device });
    const next = step(x, given ?? Array.from({ length: count }, zeros));
    return batched ? next : next.map((h) => h.squeeze(0));
  }

  protected get weights() {
    return [this.weightIh, this.weightHh, this.biasIh, this.biasHh] as const;
  }

  forward(..._args: never[]): unknown {
    throw new RuntimeError("RNNCellBase has no forward: use RNNCell, LSTMCell or GRUCell");
  }

  override extraRepr(): string {
    return `${String(this.inputSize)}, ${String(this.hiddenSize)}${this.bias ? "" : ", bias=False"}`;
  }
}

const oneState = "forward(Tensor? hx=None) -> any";
type OneState = Tensor | { readonly hx?: Tensor | null } | null;
const twoStates = "forward(Tensor[]? hx=None) -> any";

/** h' = tanh(Wih x + bih + Whh h + bhh), or relu. @see https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html */
export class RNNCell extends RNNCellBase {
  readonly nonlinearity: string;

  constructor(
    inputSize: number,
    hiddenSize: number,
    options?: CellOptions & { readonly nonlinearity?: "tanh" | "relu" },
  );
  constructor(...args: CallArgs<typeof elman>);
  constructor(...args: unknown[]) {
    const o = bound(elman, args);
    super(o.inputSize, o.hiddenSize, o.bias, 1, { dtype: o.dtype, device: o.device });
    this.nonlinearity = o.nonlinearity;
  }

  /** `[N, F]` and a state `[N, H]` → `[N, H]`. */
  override forward(input: Tensor, hx: OneState = null): Tensor {
    const { nonlinearity } = this;
    if (nonlinearity !== "tanh" && nonlinearity !== "relu") {
      throw new RuntimeError(`Unknown nonlinearity: ${nonlinearity}`);
    }
    const cell = nonlinearity === "tanh" ? torch.rnnTanhCell : torch.rnnReluCell;
    const { hx: given } = bound(oneState, [hx]);
    return this.over(input, given && [given], 1, (x, [h]) => [cell(x, h!, ...this.weights)])[0]!;
  }

  override extraRepr(): string {
    return `${super.extraRepr()}${this.nonlinearity === "tanh" ? "" : `, nonlinearity=${this.nonlinearity}`}`;
  }
}

/** One step of a long short-term memory. @see https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html */
export class LSTMCell extends RNNCellBase {
  constructor(inputSize: number, hiddenSize: number, options?: CellOptions);
  constructor(...args: CallArgs<typeof plain>);
  constructor(...args: unknown[]) {
    const o = bound(plain, args);
    super(o.inputSize, o.hiddenSize, o.bias, 4, { dtype: o.dtype, device: o.device });
  }

  /** `[N, F]` and the hidden and cell states `[N, H]` → the next two. */
  override forward(
    input: Tensor,
    hx: readonly [Tensor, Tensor] | { readonly hx?: readonly [Tensor, Tensor] | null } | null = null,
  ): [Tensor, Tensor] {
    const { hx: given } = bound(twoStates, [hx]);
    return this.over(
      input,
      given,
      2,
      (x, states) => torch.lstmCell(x, states, ...this.weights) as Tensor[],
    ) as [Tensor, Tensor];
  }
}

/** One step of a gated recurrent unit. @see https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html */
export class GRUCell extends RNNCellBase {
  constructor(inputSize: number, hiddenSize: number, options?: CellOptions);
  constructor(...args: CallArgs<typeof plain>);
  constructor(...args: unknown[]) {
    const o = bound(plain, args);
    super(o.inputSize, o.hiddenSize, o.bias, 3, { dtype: o.dtype, device: o.device });
  }

  /** `[N, F]` and a state `[N, H]` → `[N, H]`. */
  override forward(input: Tensor, hx: OneState = null): Tensor {
    const { hx: given } = bound(oneState, [hx]);
    return this.over(input, given && [given], 1, (x, [h]) => [torch.gruCell(x, h!, ...this.weights)])[0]!;
  }
}
