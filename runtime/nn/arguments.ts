import { bind } from "../ops/bind.js";
import { parseSignature, type Signature } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";

export { bound } from "../ops/arguments.js";

/** Dtype and device as a layer hands them on to those it is made of. */
export const typed = (o: {
  readonly dtype: DType | null;
  readonly device: DeviceLike | null;
}): { dtype?: DType; device?: DeviceLike } => ({
  ...(o.dtype ? { dtype: o.dtype } : {}),
  ...(o.device === null ? {} : { device: o.device }),
});

const looselyParsed = new Map<string, Signature>();

/** The same arguments as they were written, one number not made a list: for attributes and the printed form. */
export function written(signature: string, args: readonly unknown[]): Readonly<Record<string, unknown>> {
  let s = looselyParsed.get(signature);
  if (!s) {
    const strict = parseSignature(signature);
    const parameters = strict.parameters.map((p) =>
      p.list < 0 && p.type !== "int[]|str"
        ? p
        : { ...p, type: "any" as const, list: -1, default: single(p.default) },
    );
    looselyParsed.set(signature, (s = { ...strict, parameters }));
  }
  const { values } = bind([s], args);
  return Object.fromEntries(s.parameters.map((p, i) => [p.option, values[i]]));
}

const single = (value: unknown): unknown => (Array.isArray(value) ? (value as unknown[])[0] : value);
