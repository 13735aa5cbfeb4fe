/** Spectral normalisation by a hook. @see https://arxiv.org/abs/1802.05957 */
import { noGrad } from "../../autograd/mode.js";
import { KeyError, RuntimeError, ValueError } from "../../errors.js";
import type { CallArgs } from "../../ops/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import { functional as F, torch } from "../../torch.js";
import { bound } from "../arguments.js";
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from "../conv.js";
import type { Module } from "../module.js";
import { isLazy, Parameter } from "../parameter.js";
import {
  addPreHook,
  beside,
  fieldOf,
  memberOf,
  preHooks,
  putPlain,
  takeOff,
  tensorOf,
  valueOf,
  type PreHookObject,
} from "./attributes.js";

/** The axis of a weight that counts outputs. */
export function outputDim(module: Module): number {
  const transposed = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d].some((c) => module instanceof c);
  return transposed ? 1 : 0;
}

/** The weight as a matrix, its rows along `dim`. */
export function asMatrix(weight: Tensor, dim: number): Tensor {
  const axes = weight.shape.map((_, i) => i).filter((i) => i !== dim);
  const turned = dim === 0 ? weight : weight.permute(dim, ...axes);
  return turned.flatten(1);
}

/** σ ≈ uᵀ W v, and W / σ. Copies of u and v: a later power iteration must not change what backward needs. */
export function overSigma(weight: Tensor, matrix: Tensor, u: Tensor, v: Tensor): Tensor {
  return weight.div(torch.dot(u.clone(), torch.mv(matrix, v.clone())));
}

/** A random unit vector. */
export function randomUnit(like: Tensor, size: number, eps: number): Tensor {
  return F.normalize(like.newEmpty([size]).normal_(0, 1), { dim: 0, eps });
}

interface Settings {
  readonly nPowerIterations: number;
  readonly eps: number;
  readonly dim: number;
}

class SpectralNorm implements PreHookObject {
  readonly field: string;
  readonly #settings: Settings;

  constructor(field: string, settings: Settings) {
    this.field = field;
    this.#settings = settings;
  }

  names(module: Module): readonly [orig: string, u: string, v: string] {
    const { field } = this;
    return [beside(module, field, "orig"), beside(module, field, "u"), beside(module, field, "v")];
  }

  compute(module: Module, iterate: boolean): Tensor {
    const [weight, u, v] = this.names(module).map((name) => tensorOf(module, name)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const { nPowerIterations, eps, dim } = this.#settings;
    const matrix = asMatrix(weight, dim);
    if (iterate) {
      noGrad(() => {
        for (let i = 0; i < nPowerIterations; i++) {
          v.copy_(F.normalize(torch.mv(matrix.t(), u), { dim: 0, eps }));
          u.copy_(F.normalize(torch.mv(matrix, v), { dim: 0, eps }));
        }
      });
    }
    return overSigma(weight, matrix, u, v);
  }

  prepare(module: Module): void {
    putPlain(module, this.field, this.compute(module, module.training));
  }
}

const signature =
  "spectral_norm(str name='weight', int n_power_iterations=1, float eps=1e-12, int? dim=None) -> any";

/**
 * Divides a parameter by its largest singular value before every call. The value comes from power iterations, one a
 * call in training mode, whose vectors are the buffers `weight_u` and `weight_v`; what is learned is `weight_orig`.
 * @throws RuntimeError for a parameter that is normalised already; ValueError for one that is `null` or without a size.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
 */
export function spectralNorm<M extends Module>(module: M, ...args: CallArgs<typeof signature>): M {
  const { name, nPowerIterations, eps, dim } = bound(signature, args);
  const field = fieldOf(module, name);
  for (const { object } of preHooks(module, SpectralNorm)) {
    if (object.field === field) {
      throw new RuntimeError(`parameter ${name} has a spectralNorm already: two cannot act on it`);
    }
  }
  if (nPowerIterations <= 0) {
    throw new ValueError(`nPowerIterations must be positive, not ${String(nPowerIterations)}`);
  }
  const weight = memberOf(module, field);
  if (valueOf(module, field) === null) {
    throw new ValueError(`spectralNorm cannot act on parameter ${name}: it is null`);
  }
  if (!(weight instanceof Parameter)) throw new KeyError(`'${name}'`);
  if (isLazy(weight)) {
    throw new ValueError("spectralNorm needs parameters with a size: call the module on an input first");
  }
  const norm = new SpectralNorm(field, { nPowerIterations, eps, dim: dim ?? outputDim(module) });
  const [orig, uName, vName] = norm.names(module);
  const [rows, columns] = asMatrix(weight.detach(), dim ?? outputDim(module)).shape as [number, number];
  const [u, v] = noGrad(() => [randomUnit(weight, rows, eps), randomUnit(weight, columns, eps)] as const);
  takeOff(module, field);
  module.registerParameter(orig, weight);
  putPlain(module, field, weight.detach());
  module.registerBuffer(uName, u);
  module.registerBuffer(vName, v);
  addPreHook(module, norm);
  return module;
}

/**
 * Makes a parameter of the normalised weight again.
 * @throws ValueError when there is no `spectralNorm` on it.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.remove_spectral_norm.html
 */
export function removeSpectralNorm<M extends Module>(module: M, name = "weight"): M {
  const field = fieldOf(module, name);
  for (const { object, remove } of preHooks(module, SpectralNorm)) {
    if (object.field !== field) continue;
    const weight = noGrad(() => object.compute(module, false));
    for (const key of [field, ...object.names(module)]) takeOff(module, key);
    module.registerParameter(field, new Parameter(weight));
    remove();
    return module;
  }
  throw new ValueError(`spectralNorm of '${name}' not found in ${String(module)}`);
}
