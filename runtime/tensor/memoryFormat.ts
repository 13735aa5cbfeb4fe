import {
  channelsLastStrides,
  isChannelsLast,
  isContiguous,
  preservedStrides,
  suggestsChannelsLast,
} from "./strides.js";
import { RuntimeError } from "../errors.js";

/**
 * The order in which a tensor's axes lie in memory: `torch.contiguousFormat`, `torch.channelsLast` …
 * @see https://pytorch.org/docs/stable/tensor_attributes.html#torch.memory_format
 */
export class MemoryFormat {
  readonly name: string;

  /** @internal */
  constructor(name: string) {
    this.name = name;
  }

  toString(): string {
    return `torch.${this.name}`;
  }
}

/** C order: the last axis is the fastest. */
export const contiguousFormat = new MemoryFormat("contiguous_format");
/** `[N, C, H, W]` with the channels closest together. */
export const channelsLast = new MemoryFormat("channels_last");
/** `[N, C, D, H, W]` with the channels closest together. */
export const channelsLast3d = new MemoryFormat("channels_last_3d");
/** As the input has it. */
export const preserveFormat = new MemoryFormat("preserve_format");

/** The number of axes a format is for; `undefined`: any. */
function rankOf(format: MemoryFormat): number | undefined {
  return format === channelsLast ? 4 : format === channelsLast3d ? 5 : undefined;
}

/**
 * Strides that a new tensor of `shape` has in a format; `undefined` for C order. `strides` are those of the tensor that
 * `preserveFormat` is to be like.
 * @throws RuntimeError for a format that is not for this many axes
 */
export function formatStrides(
  format: MemoryFormat,
  shape: readonly number[],
  strides?: readonly number[],
): readonly number[] | undefined {
  if (format === contiguousFormat) return undefined;
  if (format === preserveFormat) return strides && preservedStrides(shape, strides);
  const rank = rankOf(format);
  if (shape.length !== rank) {
    throw new RuntimeError(
      `required rank ${String(rank)} tensor to use ${format.name} format, got shape [${shape.join(", ")}]`,
    );
  }
  return channelsLastStrides(shape);
}

/** The format that strides speak for, gaps allowed: C order unless the channels lie closest together. */
export function suggestedFormat(shape: readonly number[], strides: readonly number[]): MemoryFormat {
  if (!suggestsChannelsLast(shape, strides)) return contiguousFormat;
  return shape.length === 4 ? channelsLast : channelsLast3d;
}

/** Whether a tensor lies in memory as the format says, without gaps. */
export function hasFormat(
  format: MemoryFormat,
  shape: readonly number[],
  strides: readonly number[],
): boolean {
  if (format === contiguousFormat || format === preserveFormat) return isContiguous(shape, strides);
  return shape.length === rankOf(format) && isChannelsLast(shape, strides);
}
