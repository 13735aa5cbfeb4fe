import { PNG } from "pngjs";

/** A PNG file of rows from the top, the channels of a pixel (1, 2, 3 or 4) side by side. */
export function encodePng(data: Uint8Array, width: number, height: number, channels: number): Uint8Array {
  const colorType = ([0, 4, 2, 6] as const)[channels - 1]!;
  const picture = new PNG({ width, height });
  picture.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return PNG.sync.write(picture, { colorType, inputColorType: colorType, inputHasAlpha: channels % 2 === 0 });
}
