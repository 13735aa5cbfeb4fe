/** Ready-made parametrizations. @see https://pytorch.org/docs/stable/nn.html#parametrizations-implemented-using-the-new-parametrization-functionality-in-torch-nn-utils-parametrize-register-parametrization */
import { noGrad } from "../../autograd/mode.js";
import { IndexError, ValueError } from "../../errors.js";
import type { CallArgs } from "../../ops/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import { functional as F, torch } from "../../torch.js";
import { bound } from "../arguments.js";
import { Module } from "../module.js";
import { stateName } from "../registry.js";
import { fieldOf, given } from "./attributes.js";
import { registerParametrization, type Parametrized } from "./parametrize.js";
import { asMatrix, outputDim, overSigma, randomUnit } from "./spectralNorm.js";
import { normalized, normExceptDim } from "./weightNorm.js";

export { orthogonal } from "./orthogonal.js";

class _SpectralNorm extends Module {
  readonly dim: number;
  readonly eps: number;
  readonly nPowerIterations: number;
  declare _u: Tensor;
  declare _v: Tensor;

  constructor(weight: Tensor, nPowerIterations: number, dim: number, eps: number) {
    super();
    const { ndim } = weight;
    if (dim >= ndim || dim < -ndim) {
      throw new IndexError(
        `dimension ${String(dim)} is out of range for a tensor of ${String(ndim)} dimensions: [${String(-ndim)}, ${String(ndim - 1)}]`,
      );
    }
    if (nPowerIterations <= 0) {
      throw new ValueError(`nPowerIterations must be positive, not ${String(nPowerIterations)}`);
    }
    this.dim = dim < 0 ? dim + ndim : dim;
    this.eps = eps;
    this.nPowerIterations = nPowerIterations;
    if (ndim === 1) return;
    noGrad(() => {
      const matrix = asMatrix(weight.detach(), this.dim);
      const [rows, columns] = matrix.shape as [number, number];
      this.registerBuffer("_u", randomUnit(matrix, rows, eps));
      this.registerBuffer("_v", randomUnit(matrix, columns, eps));
      // Values to begin with that are already near.
      this.iterate(matrix, 15);
    });
  }

  private iterate(matrix: Tensor, times: number): void {
    const { _u: u, _v: v, eps } = this;
    noGrad(() => {
      for (let i = 0; i < times; i++) {
        u.copy_(F.normalize(torch.mv(matrix, v), { dim: 0, eps }));
        v.copy_(F.normalize(torch.mv(matrix.t(), u), { dim: 0, eps }));
      }
    });
  }

  forward(weight: Tensor): Tensor {
    // A vector's only singular value is its length.
    if (weight.ndim === 1) return F.normalize(weight, { dim: 0, eps: this.eps });
    const matrix = asMatrix(weight, this.dim);
    if (this.training) this.iterate(matrix, this.nPowerIterations);
    return overSigma(weight, matrix, this._u, this._v);
  }

  rightInverse(value: Tensor): Tensor {
    return value;
  }
}

const spectral =
  "spectral_norm(str name='weight', int n_power_iterations=1, float eps=1e-12, int? dim=None) -> any";

/**
 * Divides a parameter by its largest singular value, which power iterations follow, one each time it is computed in
 * training mode.
 * @throws ValueError when there is no such tensor, or for no iterations; IndexError for a `dim` that it does not have.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html
 */
export function spectralNorm<M extends Module>(
  module: M,
  ...args: CallArgs<typeof spectral>
): Parametrized<M> {
  const { name, nPowerIterations, eps, dim } = bound(spectral, args);
  const norm = new _SpectralNorm(given(module, name), nPowerIterations, dim ?? outputDim(module), eps);
  return registerParametrization(module, name, norm);
}

class _WeightNorm extends Module {
  readonly dim: number;

  constructor(dim: number) {
    super();
    this.dim = dim;
  }

  forward(g: Tensor, v: Tensor): Tensor {
    return normalized(v, g, this.dim);
  }

  rightInverse(weight: Tensor): [g: Tensor, v: Tensor] {
    return [normExceptDim(weight, this.dim), weight];
  }
}

const weight = "weight_norm(str name='weight', int? dim=0) -> any";

/**
 * Splits a parameter into its length, `original0`, and its direction, `original1`. State of `nn.utils.weightNorm`
 * (`weight_g`, `weight_v`) loads too.
 * @throws ValueError when there is no such tensor.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html
 */
export function weightNorm<M extends Module>(module: M, ...args: CallArgs<typeof weight>): Parametrized<M> {
  const { name, dim } = bound(weight, args);
  given(module, name);
  const made = registerParametrization(module, name, new _WeightNorm(dim ?? -1), { unsafe: true });
  const key = stateName(module, fieldOf(module, name));
  module.registerLoadStateDictPreHook((_, state, prefix) => {
    const [g, v] = [state.get(`${prefix}${key}_g`), state.get(`${prefix}${key}_v`)];
    if (!g || !v) return;
    state.delete(`${prefix}${key}_g`);
    state.delete(`${prefix}${key}_v`);
    state.set(`${prefix}parametrizations.${key}.original0`, g);
    state.set(`${prefix}parametrizations.${key}.original1`, v);
  });
  return made;
}
