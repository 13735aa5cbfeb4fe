/** Recurrent layers over sequences. @see https://pytorch.org/docs/stable/nn.html#recurrent-layers */
import { RuntimeError, ValueError } from "../errors.js";
import { gatesOf, type Kind } from "../ops/cell.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import * as py from "./repr.js";
import { PackedSequence } from "./utils/rnn.js";

export interface RecurrentOptions {
  readonly numLayers?: number;
  readonly bias?: boolean;
  /** `[N, T, F]` instead of `[T, N, F]`; states stay `[layers · directions, N, H]`. */
  readonly batchFirst?: boolean;
  /** Between layers, in training. */
  readonly dropout?: number;
  readonly bidirectional?: boolean;
  readonly dtype?: DType;
  readonly device?: DeviceLike;
}

const rest =
  "bool bias=True, bool batch_first=False, float dropout=0.0, bool bidirectional=False, int proj_size=0, device? device=None, dtype? dtype=None";
const base = `RNNBase(str mode, int input_size, int hidden_size, int num_layers=1, ${rest}) -> any` as const;
const gated = `LSTM(int input_size, int hidden_size, int num_layers=1, ${rest}) -> any` as const;
const elman =
  `RNN(int input_size, int hidden_size, int num_layers=1, *, str nonlinearity='tanh', ${rest}) -> any` as const;

type Mode = "RNN_TANH" | "RNN_RELU" | "LSTM" | "GRU";
const kinds: Readonly<Record<Mode, Kind>> = { RNN_TANH: "tanh", RNN_RELU: "relu", LSTM: "lstm", GRU: "gru" };

/** Sequences the layer takes: padded, or packed. */
export type Sequence = Tensor | PackedSequence;

const listed = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
const tupled = (shape: readonly number[]): string => `(${shape.join(", ")})`;

/**
 * What RNN, LSTM and GRU share: the weights of every layer and direction (`weightIhL0`, `weightHhL0`, `biasIhL0`,
 * `biasHhL0`, `weightHrL0`, then `…L0Reverse`), their initialisation, and the checks of a call.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.RNNBase.html
 */
export class RNNBase extends Module {
  static override readonly stateNames = "pytorch";
  [weight: `${"weightIh" | "weightHh" | "biasIh" | "biasHh" | "weightHr"}L${string}`]: Parameter;
  readonly mode: Mode;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  /** Names of the weights, by layer and direction. */
  private readonly weightNames: readonly (readonly string[])[];

  constructor(...args: CallArgs<typeof base>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(base, args);
    if (!(o.dropout >= 0 && o.dropout <= 1)) {
      throw new ValueError(
        "dropout should be a number in range [0, 1] representing the probability of an element being zeroed",
      );
    }
    if (o.projSize < 0) {
      throw new ValueError("proj_size should be a positive integer or zero to disable projections");
    }
    if (o.projSize > 0 && o.projSize >= o.hiddenSize) {
      throw new ValueError("proj_size has to be smaller than hidden_size");
    }
    if (!Object.hasOwn(kinds, o.mode)) throw new ValueError(`Unrecognized RNN mode: ${o.mode}`);
    this.mode = o.mode as Mode;
    this.inputSize = o.inputSize;
    this.hiddenSize = o.hiddenSize;
    this.numLayers = o.numLayers;
    this.bias = o.bias;
    this.batchFirst = o.batchFirst;
    this.dropout = o.dropout;
    this.bidirectional = o.bidirectional;
    this.projSize = o.projSize;
    this.weightNames = this.makeWeights(o.dtype, o.device);
    this.resetParameters();
  }

  private get directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  /** The size of what is given on: the projection's if there is one. */
  private get outputSize(): number {
    return this.projSize > 0 ? this.projSize : this.hiddenSize;
  }

  private makeWeights(dtype: DType | null, device: DeviceLike | null): string[][] {
    const rows = gatesOf(kinds[this.mode]) * this.hiddenSize;
    const names: string[][] = [];
    for (let layer = 0; layer < this.numLayers; layer++) {
      const inputSize = layer === 0 ? this.inputSize : this.outputSize * this.directions;
      for (let d = 0; d < this.directions; d++) {
        const own: string[] = [];
        const add = (name: string, ...shape: number[]): void => {
          const field = `${name}L${String(layer)}${d === 1 ? "Reverse" : ""}`;
          own.push(field);
          this.registerParameter(field, new Parameter(torch.empty(shape, { dtype, device })));
        };
        add("weightIh", rows, inputSize);
        add("weightHh", rows, this.outputSize);
        if (this.bias) {
          add("biasIh", rows);
          add("biasHh", rows);
        }
        if (this.projSize > 0) add("weightHr", this.projSize, this.hiddenSize);
        names.push(own);
      }
    }
    return names;
  }

  /** Weights and biases, by layer and direction. */
  get allWeights(): Parameter[][] {
    return this.weightNames.map((own) => own.map((name) => this[name as `weightIhL${string}`]));
  }

  /** Here there is nothing to flatten: kept for code that calls it. */
  flattenParameters(): void {
    // PyTorch's hint to cuDNN.
  }

  /** Uniform in ±1/√hiddenSize. */
  resetParameters(): void {
    const limit = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const p of this.parameters()) init.uniform_(p, -limit, limit);
  }

  /**
   * Runs the recurrence.
   * @throws RuntimeError for inputs and states of the wrong rank or size.
   */
  protected run(
    given: Sequence,
    states: readonly Tensor[] | null,
  ): { readonly output: Sequence; readonly states: Tensor[] } {
    const packed = given instanceof PackedSequence ? given : null;
    let input = given instanceof PackedSequence ? given.data : given;
    const batched = packed !== null || input.ndim === 3;
    const batchAxis = this.batchFirst ? 0 : 1;
    let hx = states;
    if (!packed) {
      const rank = batched ? 3 : 2;
      if (hx?.some((h) => h.ndim !== rank)) this.refuseRank(rank, hx);
      if (!batched) {
        input = input.unsqueeze(batchAxis);
        hx = hx?.map((h) => h.unsqueeze(1)) ?? null;
      }
    }
    const batch = packed ? (packed.batchSizes.tolist() as number[])[0]! : input.shape[batchAxis]!;
    const count = this.numLayers * this.directions;
    const sizes = [
      [count, batch, this.outputSize],
      [count, batch, this.hiddenSize],
    ].slice(0, this.mode === "LSTM" ? 2 : 1);
    const order = packed?.sortedIndices ?? null;
    const first =
      hx?.map((h) => (order ? h.indexSelect(1, order) : h)) ??
      sizes.map((size) => torch.zeros(size, { dtype: input.dtype, device: input.device }));
    this.checkArguments(input, packed !== null, first, sizes);
    const [output, ...last] = this.recurrence(input, packed?.batchSizes ?? null, first);
    if (packed) {
      const back = packed.unsortedIndices;
      return {
        output: new PackedSequence(output!, packed.batchSizes, packed.sortedIndices, back),
        states: last.map((h) => (back ? h.indexSelect(1, back) : h)),
      };
    }
    return batched
      ? { output: output!, states: last }
      : { output: output!.squeeze(batchAxis), states: last.map((h) => h.squeeze(1)) };
  }

  private refuseRank(rank: number, hx: readonly Tensor[]): never {
    const kind = rank === 3 ? "batched 3-D" : "unbatched 2-D";
    const ranks = hx.map((h) => `${String(h.ndim)}-D`);
    const what = hx.length === 2 ? "hx and cx should" : "hx should";
    const got = hx.length === 2 ? `(${ranks.join(", ")}) tensors` : `${ranks[0]!} tensor`;
    throw new RuntimeError(`For ${kind} input, ${what} also be ${String(rank)}-D but got ${got}`);
  }

  private checkArguments(
    input: Tensor,
    packed: boolean,
    hx: readonly Tensor[],
    sizes: readonly (readonly number[])[],
  ): void {
    const rank = packed ? 2 : 3;
    if (input.ndim !== rank) {
      throw new RuntimeError(`input must have ${String(rank)} dimensions, got ${String(input.ndim)}`);
    }
    if (input.shape.at(-1) !== this.inputSize) {
      throw new RuntimeError(
        `input.size(-1) must be equal to input_size. Expected ${String(this.inputSize)}, got ${String(input.shape.at(-1))}`,
      );
    }
    hx.forEach((h, i) => {
      if (listed(h.shape) === listed(sizes[i]!)) return;
      const which = hx.length === 2 ? `hidden[${String(i)}]` : "hidden";
      throw new RuntimeError(`Expected ${which} size ${tupled(sizes[i]!)}, got ${listed(h.shape)}`);
    });
  }

  private recurrence(input: Tensor, batchSizes: Tensor | null, hx: readonly Tensor[]): Tensor[] {
    const weights = this.allWeights.flat();
    const shared = [
      weights,
      this.bias,
      this.numLayers,
      this.dropout,
      this.training,
      this.bidirectional,
    ] as const;
    if (this.mode === "LSTM") {
      return (
        batchSizes
          ? torch.lstm(input, batchSizes, [...hx], ...shared)
          : torch.lstm(input, [...hx], ...shared, this.batchFirst)
      ) as Tensor[];
    }
    const call = { RNN_TANH: torch.rnnTanh, RNN_RELU: torch.rnnRelu, GRU: torch.gru }[this.mode];
    return (
      batchSizes
        ? call(input, batchSizes, hx[0]!, ...shared)
        : call(input, hx[0]!, ...shared, this.batchFirst)
    ) as Tensor[];
  }

  forward(..._args: never[]): unknown {
    throw new RuntimeError("RNNBase has no forward: use RNN, LSTM or GRU");
  }

  override extraRepr(): string {
    let s = `${String(this.inputSize)}, ${String(this.hiddenSize)}`;
    if (this.projSize !== 0) s += `, proj_size=${String(this.projSize)}`;
    if (this.numLayers !== 1) s += `, num_layers=${String(this.numLayers)}`;
    if (!this.bias) s += ", bias=False";
    if (this.batchFirst) s += ", batch_first=True";
    if (this.dropout !== 0) s += `, dropout=${py.float(this.dropout)}`;
    if (this.bidirectional) s += ", bidirectional=True";
    return s;
  }
}

/** The settings behind the sizes. */
function optionsOf(o: Arguments<typeof gated>) {
  const { numLayers, bias, batchFirst, dropout, bidirectional, projSize, dtype, device } = o;
  return { numLayers, bias, batchFirst, dropout, bidirectional, projSize, dtype, device };
}

/** Refuses what only LSTM has. */
function withoutProjection(name: string, o: { readonly projSize: number }): void {
  if (o.projSize !== 0) {
    throw new ValueError(`proj_size argument is only supported for LSTM, not ${name}`);
  }
}

/** What a call gives: the output in the form of the input, and the last states. */
type Result<S, H> = [S, H];

/**
 * hₜ = tanh(Wih xₜ + bih + Whh hₜ₋₁ + bhh), or relu: `[T, N, F]` → `[T, N, D·H]` and the last state `[L·D, N, H]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
 */
export class RNN extends RNNBase {
  readonly nonlinearity: "tanh" | "relu";

  constructor(
    inputSize: number,
    hiddenSize: number,
    options?: RecurrentOptions & { readonly nonlinearity?: "tanh" | "relu" },
  );
  constructor(...args: CallArgs<typeof elman>);
  constructor(...args: unknown[]) {
    const { nonlinearity, ...o } = bound(elman, args);
    withoutProjection("RNN or GRU", o);
    if (nonlinearity !== "tanh" && nonlinearity !== "relu") {
      throw new ValueError(`Unknown nonlinearity '${nonlinearity}'`);
    }
    super(nonlinearity === "tanh" ? "RNN_TANH" : "RNN_RELU", o.inputSize, o.hiddenSize, optionsOf(o));
    this.nonlinearity = nonlinearity;
  }

  override forward<S extends Sequence>(input: S, hx: Tensor | HiddenOption | null = null): Result<S, Tensor> {
    const h = hidden(hx);
    const { output, states } = this.run(input, h && [h]);
    return [output as S, states[0]!];
  }
}

interface HiddenOption {
  readonly hx?: Tensor | null;
}

const oneState = "forward(Tensor? hx=None) -> any";
const hidden = (hx: Tensor | HiddenOption | null): Tensor | null => bound(oneState, [hx]).hx;

/**
 * Long short-term memory: `[T, N, F]` → `[T, N, D·H]` and the last hidden and cell states `[L·D, N, H]`; with
 * `projSize` the hidden state has that size.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
 */
export class LSTM extends RNNBase {
  constructor(
    inputSize: number,
    hiddenSize: number,
    options?: RecurrentOptions & { readonly projSize?: number },
  );
  constructor(...args: CallArgs<typeof gated>);
  constructor(...args: unknown[]) {
    const o = bound(gated, args);
    super("LSTM", o.inputSize, o.hiddenSize, optionsOf(o));
  }

  override forward<S extends Sequence>(
    input: S,
    hx: readonly [Tensor, Tensor] | { readonly hx?: readonly [Tensor, Tensor] | null } | null = null,
  ): Result<S, [Tensor, Tensor]> {
    const { hx: given } = bound("forward(Tensor[]? hx=None) -> any", [hx]);
    if (given && given.length !== 2) throw new RuntimeError("lstm expects two hidden states");
    const { output, states } = this.run(input, given);
    return [output as S, states as [Tensor, Tensor]];
  }
}

/**
 * Gated recurrent units: `[T, N, F]` → `[T, N, D·H]` and the last state `[L·D, N, H]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
 */
export class GRU extends RNNBase {
  constructor(inputSize: number, hiddenSize: number, options?: RecurrentOptions);
  constructor(...args: CallArgs<typeof gated>);
  constructor(...args: unknown[]) {
    const o = bound(gated, args);
    withoutProjection("RNN or GRU", o);
    super("GRU", o.inputSize, o.hiddenSize, optionsOf(o));
  }

  override forward<S extends Sequence>(input: S, hx: Tensor | HiddenOption | null = null): Result<S, Tensor> {
    const h = hidden(hx);
    const { output, states } = this.run(input, h && [h]);
    return [output as S, states[0]!];
  }
}
