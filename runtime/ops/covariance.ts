/** Covariances and correlations of variables. */
import { RuntimeError } from "../errors.js";
import { isTracing, read } from "../graph/executor.js";
import { bool } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { op } from "./record.js";
import { sliceOf } from "./view.js";

/** Weights of observations: one axis, one for each, none negative. */
function checkWeights(name: string, w: Tensor | null, observations: number, floating: boolean): void {
  if (!w) return;
  if (w.ndim > 1) {
    throw new RuntimeError(
      `cov(): expected ${name} to have one or fewer dimensions but got ${name} with ${String(w.ndim)} dimensions`,
    );
  }
  if (w.dtype.isFloatingPoint !== floating || w.dtype === bool) {
    throw new RuntimeError(
      `cov(): expected ${name} to have ${floating ? "floating point" : "integral"} dtype but got ${name} with ${titled(w)} dtype`,
    );
  }
  if (w.numel() !== observations) {
    throw new RuntimeError(
      `cov(): expected ${name} to have the same numel as there are observations in the input but got ${String(w.numel())} != ${String(observations)}`,
    );
  }
  if (isTracing()) return;
  if ((read(w._value) as Float32Array).some((v) => v < 0)) {
    throw new RuntimeError(`cov(): ${name} cannot be negative`);
  }
}

function covariance(
  input: Tensor,
  correction: number,
  fweights: Tensor | null,
  aweights: Tensor | null,
): Tensor {
  if (input.ndim > 2) {
    throw new RuntimeError(
      `cov(): expected input to have two or fewer dimensions but got an input with ${String(input.ndim)} dimensions`,
    );
  }
  if (input.dtype === bool) throw new RuntimeError("cov(): bool dtype is not supported for input");
  const x = input.ndim < 2 ? input.reshape([1, -1]) : input;
  const n = x._shape[1]!;
  checkWeights("fweights", fweights, n, false);
  checkWeights("aweights", aweights, n, true);
  const w = fweights && aweights ? fweights.mul(aweights) : (fweights ?? aweights);
  if (!w) {
    const centred = x.sub(x.sum(1, { keepdim: true }).div(n));
    return centred
      .mm(centred.t())
      .div(Math.max(0, n - correction))
      .squeeze();
  }
  const total = w.sum();
  if (!isTracing() && total.item() === 0) {
    throw new RuntimeError("cov(): weights sum to zero, can't be normalized");
  }
  const mean = x.mul(w).sum(1, { keepdim: true }).div(total);
  const centred = x.sub(mean);
  // With weights of importance the bias is corrected by their mean square.
  const lost = aweights ? w.mul(aweights).sum().div(total).mul(correction) : correction;
  const freedom = (correction === 0 ? total : total.sub(lost)).clampMin(0);
  return centred.mm(centred.mul(w).t()).div(freedom).squeeze();
}

export const cov = op({
  signature: "cov(Tensor input, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor",
  doc: `The covariances of variables \`[variables, observations]\`, or the variance of one. \`fweights\`: how often each observation counts; \`aweights\`: how important it is.\n\n${page("cov")}`,
  call: covariance,
});

export const corrcoef = op({
  signature: "corrcoef(Tensor input) -> Tensor",
  doc: `The correlation coefficients of variables \`[variables, observations]\`.\n\n${page("corrcoef")}`,
  call: (input) => {
    if (input.ndim > 2) {
      throw new RuntimeError(
        `corrcoef(): expected input to have two or fewer dimensions but got an input with ${String(input.ndim)} dimensions`,
      );
    }
    const c = covariance(input, 1, null, null);
    if (c.ndim === 0) return c.div(c);
    const n = c._shape[0]!;
    const deviation = sliceOf(c.reshape(-1), 0, 0, n * n, n + 1).sqrt();
    return c
      .div(deviation.reshape([n, 1]))
      .div(deviation.reshape([1, n]))
      .clamp(-1, 1);
  },
});
