/** From places in a bundle that ran back to the user's files. */
import type { SourceLocation } from "../inspect/snapshot.js";
import { bundleFrames, originalPlace, type Bundle } from "./bundle.js";

/** A bundle under the name its stack frames have. */
export interface Program {
  readonly bundle: Bundle;
  readonly script: string;
  /** The file that was bundled. */
  readonly file: string;
}

/** The innermost place in the user's files. */
export function firstPlace({ bundle, script, file }: Program, stack: string): SourceLocation | undefined {
  for (const frame of bundleFrames(stack, script)) {
    const place = originalPlace(bundle, file, frame);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** A stack with the user's own files and lines in it. */
export function mapStack({ bundle, script, file }: Program, stack: string): string {
  return stack
    .split("\n")
    .map((text) => {
      const [frame] = bundleFrames(text, script);
      const place = frame && originalPlace(bundle, file, frame);
      if (place === undefined) return text;
      const where = `${place.file}:${place.line + 1}:${place.column + 1}`;
      return text.replace(new RegExp(`[^\\s(]*${script.replaceAll(".", "\\.")}:\\d+:\\d+`), () => where);
    })
    .join("\n");
}
