import type { HostArray } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * A tensor's bytes where they lie on this thread and take part in no gradient: work on them needs no engine. Not to be
 * changed or kept.
 */
export function hostData(t: Tensor): HostArray | undefined {
  const { source } = t._value;
  return source.kind === "host" && !t.requiresGrad ? source.data : undefined;
}
