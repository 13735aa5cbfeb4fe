/** Orthogonal parameters. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.orthogonal.html */
import { noGrad } from "../../autograd/mode.js";
import { NotImplementedError, ValueError } from "../../errors.js";
import { sameShape } from "../../ops/apply.js";
import { geqrf, inverse, matrixExp, orthonormal } from "../../ops/orthogonal.js";
import type { CallArgs } from "../../ops/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { bound } from "../arguments.js";
import { Module } from "../module.js";
import { given } from "./attributes.js";
import { registerParametrization, type Parametrized } from "./parametrize.js";

const maps = ["matrix_exp", "cayley", "householder"] as const;
type OrthogonalMap = (typeof maps)[number];

const rowsAndColumns = (t: Tensor): [number, number] => t.shape.slice(-2) as [number, number];
const turned = (t: Tensor): Tensor => t.transpose(-2, -1);
const diagonalOf = (t: Tensor): Tensor => t.diagonal({ dim1: -2, dim2: -1 });

/** Whether QᴴQ is the identity, up to rounding. */
function isOrthogonal(q: Tensor): boolean {
  const [rows, columns] = rowsAndColumns(q);
  const id = torch.eye(columns, { dtype: q.dtype, device: q.device });
  return torch.allclose(torch.matmul(turned(q), q), id.expand([...q.shape.slice(0, -2), columns, columns]), {
    atol: 10 * rows * torch.finfo(q.dtype).eps,
  });
}

/**
 * The product of the reflections I − τⱼ vⱼ vⱼᵀ that a lower triangle holds, its first columns. As one product, after
 * Schreiber and Van Loan: Q = I − V T Vᵀ with T⁻¹ = diag(1/τ) + the part of VᵀV above the diagonal.
 */
function householderProduct(below: Tensor): Tensor {
  const [rows, columns] = rowsAndColumns(below);
  const id = torch.eye(rows, columns, { dtype: below.dtype, device: below.device });
  const v = below.add(id);
  const gram = torch.matmul(turned(v), v);
  // τ = 2 / ‖v‖²: then the reflection is orthogonal.
  const t = inverse(gram.triu(1).add(torch.diagEmbed(diagonalOf(gram).div(2))));
  const top = v.narrow(-2, 0, columns);
  return id.sub(torch.matmul(v, torch.matmul(t, turned(top))));
}

class _Orthogonal extends Module {
  readonly orthogonalMap: OrthogonalMap;
  private readonly size: readonly number[];
  private readonly trivial: boolean;
  declare base: Tensor | null;

  constructor(weight: Tensor, orthogonalMap: OrthogonalMap, useTrivialization: boolean) {
    super();
    this.orthogonalMap = orthogonalMap;
    this.size = weight.shape;
    this.trivial = useTrivialization;
    if (useTrivialization) this.registerBuffer("base", null);
  }

  forward(original: Tensor): Tensor {
    const transposed = original.shape.at(-2)! < original.shape.at(-1)!;
    const x = transposed ? turned(original) : original;
    let q = this.orthogonalMap === "householder" ? this.reflected(x) : this.rotated(x);
    if (this.trivial && this.base) q = torch.matmul(this.base, q);
    return transposed ? turned(q) : q;
  }

  private reflected(x: Tensor): Tensor {
    // The diagonal holds signs, which are not learned.
    const signs = diagonalOf(x).detach().trunc().unsqueeze(-2);
    return householderProduct(x.tril(-1)).mul(signs);
  }

  /** Of the skew-symmetric A = X − Xᵀ: e^A, or Cayley's (I − A/2)⁻¹ (I + A/2). */
  private rotated(original: Tensor): Tensor {
    const [rows, columns] = rowsAndColumns(original);
    let x = original.tril();
    if (rows !== columns) {
      const rest = x.newZeros([...x.shape.slice(0, -2), rows, rows - columns]);
      x = torch.cat([x, rest], -1);
    }
    const a = x.sub(turned(x));
    let q: Tensor;
    if (this.orthogonalMap === "matrix_exp") q = matrixExp(a);
    else {
      const id = torch.eye(rows, { dtype: a.dtype, device: a.device });
      q = torch.matmul(inverse(id.sub(a.div(2))), id.add(a.div(2)));
    }
    return rows === columns ? q : q.narrow(-1, 0, columns);
  }

  rightInverse(value: Tensor): Tensor {
    if (!sameShape(value.shape, this.size)) {
      throw new ValueError(
        `expected a matrix or batch of shape [${this.size.join(", ")}], not [${value.shape.join(", ")}]`,
      );
    }
    return noGrad(() => (this.trivial ? this.rebase(value) : this.untrivial(value)));
  }

  private untrivial(value: Tensor): Tensor {
    if (this.orthogonalMap !== "householder") {
      throw new NotImplementedError(
        `values cannot be assigned to the ${this.orthogonalMap} parametrization with useTrivialization: false`,
      );
    }
    const transposed = value.shape.at(-2)! < value.shape.at(-1)!;
    const [compact, tau] = geqrf(transposed ? turned(value).clone() : value);
    const d = diagonalOf(compact);
    const signs = d.sign().mul(tau.eq(0).to(d.dtype).mul(-2).add(1));
    const eye = torch.eye(...rowsAndColumns(compact), { dtype: compact.dtype, device: compact.device });
    const x = torch.where(eye.eq(1), signs.unsqueeze(-2), compact);
    return transposed ? turned(x) : x;
  }

  /** Keeps the value as the base from which the learned part, then −I, turns away. */
  private rebase(value: Tensor): Tensor {
    const transposed = value.shape.at(-2)! < value.shape.at(-1)!;
    const q = transposed ? turned(value) : value;
    const [rows, columns] = rowsAndColumns(q);
    if (rows !== columns) {
      const rest = torch.randn([...q.shape.slice(0, -2), rows, rows - columns], {
        dtype: q.dtype,
        device: q.device,
      });
      this.base = orthonormal(torch.cat([q, rest], -1));
    } else {
      this.base = isOrthogonal(q) ? q.clone() : orthonormal(q.clone());
    }
    const shape = value.shape;
    return torch
      .eye(shape.at(-2)!, shape.at(-1)!, { dtype: value.dtype, device: value.device })
      .neg()
      .expand(shape)
      .clone();
  }
}

const signature =
  "orthogonal(str name='weight', str? orthogonal_map=None, *, bool use_trivialization=True) -> any";

/**
 * Keeps a matrix, or every one of a batch, orthogonal: its columns, or its rows where those are fewer, stay orthonormal
 * however it is trained. `orthogonalMap` is `"matrix_exp"` (the default for square ones), `"cayley"` or
 * `"householder"` (the default for others). With `useTrivialization` the value at the beginning, or one that is
 * assigned, is kept as a base.
 * @throws ValueError when there is no such tensor, for vectors, and for other maps.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.orthogonal.html
 */
export function orthogonal<M extends Module>(
  module: M,
  ...args: CallArgs<typeof signature>
): Parametrized<M> {
  const { name, orthogonalMap, useTrivialization } = bound(signature, args);
  const weight = given(module, name);
  if (weight.ndim < 2) {
    throw new ValueError(
      `expected a matrix or batch of matrices, not a tensor of ${String(weight.ndim)} dimensions`,
    );
  }
  const [rows, columns] = rowsAndColumns(weight);
  const map = orthogonalMap ?? (rows === columns ? "matrix_exp" : "householder");
  const known = maps.find((m) => m === map);
  if (!known) {
    throw new ValueError(`orthogonalMap must be one of ${maps.map((m) => `"${m}"`).join(", ")}, not ${map}`);
  }
  return registerParametrization(module, name, new _Orthogonal(weight, known, useTrivialization), {
    unsafe: true,
  });
}
