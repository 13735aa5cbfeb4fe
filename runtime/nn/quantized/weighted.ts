/** What quantized layers with weights share: how their state is kept, and the form the kernels take. */
import { NotImplementedError, RuntimeError } from "../../errors.js";
import type { Integers } from "../../ops/integer.js";
import { float32, float64, int16, int32, int64, uint8 } from "../../tensor/dtype.js";
import { qint8, QuantizedTensor, quint8 } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { Module } from "../module.js";
import { registryOf, setBuffer } from "../registry.js";
import type { LoadContext, StateDict } from "../state.js";

/** A number as the kernels take it. */
const real = (value: number): Tensor => torch.tensor(value, { dtype: float32 });
const byte = (value: number): Tensor => torch.tensor(value, { dtype: uint8 });

const bufferOf = (module: Module, key: string): Tensor | null =>
  registryOf(module).buffers.get(key)?.tensor ?? null;

/** How int8 weights become uint8. */
const shift = 128;

/**
 * A layer with an int8 weight. In the state dict: the integers as `weight`, what they stand for as `weight_scale` and
 * `weight_zero_point`, the float32 `bias`, and the result's `scale` and `zero_point`.
 */
export abstract class Weighted extends Module {
  static override readonly stateNames = "pytorch";
  /** The version of the weight that was packed. */
  private packedVersion = -1;

  /** The int8 weight. */
  weight(): QuantizedTensor {
    const scale = bufferOf(this, "weight_scale")!;
    const zero = bufferOf(this, "weight_zero_point")!;
    const params =
      scale.ndim === 0
        ? { scale: scale.item(), zeroPoint: Number(zero.item()) }
        : { scales: scale.to(float64), zeroPoints: zero.to(int64), axis: 0 };
    return new QuantizedTensor(bufferOf(this, "weight")!.clone(), qint8, params);
  }

  /** float32 `[O]` */
  bias(): Tensor | null {
    return bufferOf(this, "bias");
  }

  /** Replaces weight and bias. @throws RuntimeError for weights that are not qint8. */
  setWeightBias(weight: QuantizedTensor, bias: Tensor | null): void {
    if (weight.dtype !== qint8) {
      throw new RuntimeError(`The weight of ${this._getName()} must be qint8, not ${String(weight.dtype)}`);
    }
    const params = weight._params;
    let scale: Tensor;
    let zero: number;
    if ("scale" in params) {
      scale = real(params.scale);
      zero = params.zeroPoint;
    } else {
      const zeros = (params.zeroPoints.tolist() as (number | bigint)[]).map(Number);
      zero = zeros[0] ?? 0;
      if (params.axis !== 0 || zeros.some((z) => z !== zero)) {
        throw new NotImplementedError(
          "weights quantized per channel along another axis than 0, or with differing zero points, are not implemented: use per_channel_symmetric",
        );
      }
      scale = params.scales.to(float32);
    }
    setBuffer(this, "weight", weight._int, true);
    setBuffer(this, "weight_scale", scale, true);
    setBuffer(this, "weight_zero_point", torch.tensor(zero, { dtype: int32 }), true);
    setBuffer(this, "bias", bias?.detach().to(float32) ?? null, true);
    this.packedVersion = -1;
  }

  /** How the weight lies for the kernel. */
  protected abstract lay(weight: Tensor): Tensor;

  /** @internal The weight as the kernels take it. */
  protected packed(): Integers {
    const weight = bufferOf(this, "weight")!;
    const version = weight._versions.value;
    if (this.packedVersion !== version) {
      const values = this.lay(weight.to(int16).add(shift).to(uint8));
      setBuffer(this, "packed", values, false);
      const zero = bufferOf(this, "weight_zero_point")!;
      setBuffer(this, "packed_zero_point", zero.add(shift).to(uint8), false);
      this.packedVersion = version;
    }
    return {
      values: bufferOf(this, "packed")!,
      scale: bufferOf(this, "weight_scale")!,
      zeroPoint: bufferOf(this, "packed_zero_point")!,
    };
  }
}

/** A layer that takes and gives quint8. */
export abstract class Static extends Weighted {
  /** What the integers of the result stand for. */
  scale = 1;
  zeroPoint = 0;

  constructor() {
    super();
    this.registerStateDictPostHook((module, state, prefix) => {
      const { scale, zeroPoint } = module as Static;
      state.set(`${prefix}scale`, real(scale));
      state.set(`${prefix}zero_point`, torch.tensor(zeroPoint, { dtype: int64 }));
    });
  }

  override _loadFromStateDict(state: StateDict, prefix: string, on: LoadContext): void {
    const rest: StateDict = new Map(state);
    const take = (name: string, write: (value: number) => void): void => {
      const key = prefix + name;
      const value = rest.get(key);
      rest.delete(key);
      if (value === undefined) on.missingKeys.push(key);
      else {
        on.writes.push(() => {
          write(Number(value.item()));
        });
      }
    };
    take("scale", (value) => (this.scale = value));
    take("zero_point", (value) => (this.zeroPoint = value));
    super._loadFromStateDict(rest, prefix, on);
  }

  /** @internal Runs a kernel on the input's integers. */
  protected run(
    input: QuantizedTensor,
    kernel: (x: Integers, weight: Integers, y: Omit<Integers, "values">, bias: Tensor | null) => Tensor,
  ): QuantizedTensor {
    if (!(input instanceof QuantizedTensor)) {
      throw new RuntimeError(
        `${this._getName()} takes quantized tensors: put a QuantStub before the layers that are quantized`,
      );
    }
    if (input.dtype !== quint8) {
      throw new RuntimeError(`${this._getName()} takes quint8, not ${String(input.dtype)}`);
    }
    const { scale, zeroPoint } = input._perTensor(this._getName());
    const x = { values: input._int, scale: real(scale), zeroPoint: byte(zeroPoint) };
    const weight = this.packed();
    // The kernels add integers in units of both scales.
    const bias = this.bias()?.div(weight.scale.mul(x.scale)).round().to(int32) ?? null;
    const y = { scale: real(this.scale), zeroPoint: byte(this.zeroPoint) };
    const params = { scale: this.scale, zeroPoint: this.zeroPoint };
    return new QuantizedTensor(kernel(x, weight, y, bias), quint8, params);
  }
}
