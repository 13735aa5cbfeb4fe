/** From pictures to tensors, and transforms of tensors. */
import { RuntimeError, ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { fromData } from "../../ops/leaf.js";
import { float32, uint8 } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { hostData } from "../host.js";
import { Image } from "../image.js";
import { chance, integer, uniform } from "./random.js";
import { Transform } from "./transform.js";

const shares = Float32Array.from({ length: 256 }, (_, i) => i / 255);

/**
 * A picture as a float32 tensor `[C, H, W]` of numbers from 0 to 1.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.ToTensor.html
 */
export class ToTensor extends Transform<Image, Tensor> {
  /** @throws TypeError for anything but a picture. */
  forward(image: Image): Tensor {
    if (!(image instanceof Image)) throw new TypeError("ToTensor takes an Image");
    const { data, width, height, channels } = image;
    const size = width * height;
    const out = new Float32Array(channels * size);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < size; i++) out[c * size + i] = shares[data[i * channels + c]!]!;
    }
    return fromData(out, [channels, height, width], float32);
  }
}

/**
 * A picture as a uint8 tensor `[C, H, W]` of its own numbers.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.PILToTensor.html
 */
export class PILToTensor extends Transform<Image, Tensor> {
  /** @throws TypeError for anything but a picture. */
  forward(image: Image): Tensor {
    if (!(image instanceof Image)) throw new TypeError("PILToTensor takes an Image");
    const { data, width, height, channels } = image;
    const size = width * height;
    const out = new Uint8Array(channels * size);
    for (let i = 0; i < out.length; i++) out[(i % channels) * size + Math.floor(i / channels)] = data[i]!;
    return fromData(out, [channels, height, width], uint8);
  }
}

/**
 * (x − mean) / std, channel by channel of `[…, C, H, W]`.
 * @throws ValueError for a standard deviation of 0.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html
 */
export class Normalize extends Transform<Tensor, Tensor> {
  readonly mean: readonly number[];
  readonly std: readonly number[];

  constructor(mean: number | readonly number[], std: number | readonly number[]) {
    super();
    const o = bound("Normalize(float[] mean, float[] std, bool inplace=False) -> any", [mean, std]);
    this.mean = o.mean;
    this.std = o.std;
    if (this.std.includes(0)) throw new ValueError("std has a zero, and division by zero has no result");
    if (this.mean.length !== this.std.length && this.mean.length !== 1 && this.std.length !== 1) {
      throw new ValueError(
        `mean has ${String(this.mean.length)} channels and std ${String(this.std.length)}; they must be one number each`,
      );
    }
  }

  /** @throws RuntimeError when the channels are not as many as the means. */
  forward(x: Tensor): Tensor {
    if (x.ndim < 3) {
      throw new ValueError(
        `Normalize takes [..., C, H, W], and this tensor has shape [${x.shape.join(", ")}]`,
      );
    }
    if (!x.dtype.isFloatingPoint)
      throw new TypeError(`Normalize takes a float tensor, not ${String(x.dtype)}`);
    const channels = x._shape.at(-3)!;
    const each = Math.max(this.mean.length, this.std.length);
    if (each !== 1 && each !== channels) {
      throw new RuntimeError(
        `Normalize has ${String(each)} means for ${String(channels)} channels of [${x.shape.join(", ")}]`,
      );
    }
    const data = hostData(x);
    if (!(data instanceof Float32Array)) {
      const column = (values: readonly number[]): Tensor =>
        torch.tensor(values, { dtype: x.dtype }).view(-1, 1, 1);
      return x.sub(column(this.mean)).div(column(this.std));
    }
    const out = new Float32Array(data.length);
    const size = x._shape.at(-1)! * x._shape.at(-2)!;
    for (let start = 0, plane = 0; start < data.length; start += size, plane++) {
      const c = plane % channels;
      // Each operation rounds to float32, as the tensor's own would.
      const mean = Math.fround(this.mean[c % this.mean.length]!);
      const std = Math.fround(this.std[c % this.std.length]!);
      for (let i = start; i < start + size; i++) out[i] = Math.fround(data[i]! - mean) / std;
    }
    return fromData(out, x.shape, float32);
  }
}

/**
 * A float tensor `[C, H, W]` of numbers from 0 to 1, or a uint8 one, as a picture: the way back from `ToTensor`.
 * @throws ValueError unless there are 1, 3 or 4 channels.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.ToPILImage.html
 */
export class ToPILImage extends Transform<Tensor, Image> {
  forward(x: Tensor): Image {
    const [channels, height, width] = x.ndim === 2 ? [1, ...x._shape] : x._shape;
    const mode = channels === 1 ? "L" : channels === 3 ? "RGB" : channels === 4 ? "RGBA" : undefined;
    if (mode === undefined || width === undefined || x.ndim > 3) {
      throw new ValueError(
        `a picture has 1, 3 or 4 channels, [C, H, W]; this tensor has shape [${x.shape.join(", ")}]`,
      );
    }
    const data = x.detach().numpy();
    const size = height! * width;
    const scale = x.dtype.isFloatingPoint ? 255 : 1;
    const out = new Uint8Array(channels! * size);
    for (let c = 0; c < channels!; c++) {
      for (let i = 0; i < size; i++) out[i * channels! + c] = Number(data[c * size + i]!) * scale;
    }
    return new Image(out, width, height, mode);
  }
}

/**
 * Overwrites a random rectangle of `[…, C, H, W]` with `value`, or with random numbers.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomErasing.html
 */
export class RandomErasing extends Transform<Tensor, Tensor> {
  readonly p: number;
  readonly scale: readonly [number, number];
  readonly ratio: readonly [number, number];
  readonly value: number | "random";

  constructor({
    p = 0.5,
    scale = [0.02, 0.33],
    ratio = [0.3, 3.3],
    value = 0,
  }: {
    readonly p?: number;
    readonly scale?: readonly [number, number];
    readonly ratio?: readonly [number, number];
    readonly value?: number | "random";
  } = {}) {
    super();
    if (scale[0] < 0 || scale[1] > 1) throw new ValueError("Scale should be between 0 and 1");
    if (!(p >= 0 && p <= 1)) throw new ValueError("Random erasing probability should be between 0 and 1");
    this.p = p;
    this.scale = scale;
    this.ratio = ratio;
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    if (!chance(this.p)) return x;
    const [channels, height, width] = x._shape.slice(-3) as [number, number, number];
    for (let i = 0; i < 10; i++) {
      const area = height * width * uniform(...this.scale);
      const ratio = Math.exp(uniform(Math.log(this.ratio[0]), Math.log(this.ratio[1])));
      const h = Math.round(Math.sqrt(area * ratio));
      const w = Math.round(Math.sqrt(area / ratio));
      if (h >= height || w >= width) continue;
      const value = this.value === "random" ? torch.randn(channels, h, w) : this.value;
      const top = integer(0, height - h + 1);
      const left = integer(0, width - w + 1);
      const out = x.clone();
      out.setAt(["...", torch.slice(top, top + h), torch.slice(left, left + w)], value);
      return out;
    }
    return x;
  }
}
