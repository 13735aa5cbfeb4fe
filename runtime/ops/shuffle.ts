/** Elements moved between channels and places. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { op } from "./record.js";

const sizes = (t: Tensor): string => `[${t._shape.join(", ")}]`;

function split(
  name: string,
  input: Tensor,
  factor: number,
  what: string,
): [number[], number, number, number] {
  if (input.ndim < 3) {
    throw new RuntimeError(
      `${name} expects input to have at least 3 dimensions, but got input with ${String(input.ndim)} dimension(s)`,
    );
  }
  if (factor <= 0) throw new RuntimeError(`${name} expects a positive ${what}, but got ${String(factor)}`);
  const [c, h, w] = input._shape.slice(-3) as [number, number, number];
  return [input._shape.slice(0, -3), c, h, w];
}

export const pixelShuffle = op({
  signature: "pixel_shuffle(Tensor input, int upscale_factor) -> Tensor",
  on: ["torch", "F"],
  doc: `\`[*, C·r², H, W]\` to \`[*, C, H·r, W·r]\`, r the upscale factor.\n\n${page("nn.functional.pixel_shuffle")}`,
  call: (input, r) => {
    const [lead, c, h, w] = split("pixel_shuffle", input, r, "upscale_factor");
    if (c % (r * r) !== 0) {
      throw new RuntimeError(
        `pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=${String(c)} is not divisible by ${String(r * r)}`,
      );
    }
    const o = c / (r * r);
    const n = lead.length;
    const axes = [...lead.keys(), ...[0, 3, 1, 4, 2].map((a) => a + n)];
    return input
      .reshape(...lead, o, r, r, h, w)
      .permute(...axes)
      .reshape(...lead, o, h * r, w * r);
  },
});

export const pixelUnshuffle = op({
  signature: "pixel_unshuffle(Tensor input, int downscale_factor) -> Tensor",
  on: ["torch", "F"],
  doc: `\`[*, C, H·r, W·r]\` to \`[*, C·r², H, W]\`, r the downscale factor.\n\n${page("nn.functional.pixel_unshuffle")}`,
  call: (input, r) => {
    const [lead, c, h, w] = split("pixel_unshuffle", input, r, "downscale_factor");
    for (const [what, size, index] of [
      ["height", h, -2],
      ["width", w, -1],
    ] as const) {
      if (size % r !== 0) {
        throw new RuntimeError(
          `pixel_unshuffle expects ${what} to be divisible by downscale_factor, but input.size(${String(index)})=${String(size)} is not divisible by ${String(r)}`,
        );
      }
    }
    const n = lead.length;
    const axes = [...lead.keys(), ...[0, 2, 4, 1, 3].map((a) => a + n)];
    return input
      .reshape(...lead, c, h / r, r, w / r, r)
      .permute(...axes)
      .reshape(...lead, c * r * r, h / r, w / r);
  },
});

function shuffleChannels(input: Tensor, groups: number): Tensor {
  if (input.ndim <= 2) {
    throw new RuntimeError(
      `channel_shuffle expects input with > 2 dims, but got input with sizes ${sizes(input)}`,
    );
  }
  if (groups <= 0) {
    throw new RuntimeError(
      `Number of groups to divide channels in must be positive. Value of groups:${String(groups)}`,
    );
  }
  const [n, c, ...rest] = input._shape as [number, number, ...number[]];
  if (c % groups !== 0) {
    throw new RuntimeError(
      `Number of channels must be divisible by groups. Got ${String(c)} channels and ${String(groups)} groups.`,
    );
  }
  const axes = rest.map((_, i) => i + 3);
  return input
    .reshape(n, groups, c / groups, ...rest)
    .permute(0, 2, 1, ...axes)
    .reshape(n, c, ...rest);
}

const channelDoc = `\`[N, C, *]\` with the channels of its groups interleaved.\n\n${page("nn.functional.channel_shuffle")}`;

export const channelShuffle = op({
  signature: "channel_shuffle(Tensor input, int groups) -> Tensor",
  on: ["torch", "F"],
  doc: channelDoc,
  call: shuffleChannels,
});

export const nativeChannelShuffle = op({
  signature: "native_channel_shuffle(Tensor input, int groups) -> Tensor",
  on: ["torch", "F"],
  doc: channelDoc,
  call: shuffleChannels,
});
