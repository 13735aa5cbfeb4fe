import { RuntimeError, ValueError } from "../errors.js";
import { sameShape } from "../ops/apply.js";
import { asLibrary } from "../ops/depth.js";
import { stack } from "../ops/join.js";
import { Tensor } from "../tensor/tensor.js";
import { constantLike } from "./like.js";
import { withGradMode } from "./mode.js";
import type { Edge, GradNode } from "./node.js";
import { runBackward, type Root, type Targets } from "./run.js";

type Tensors = Tensor | readonly Tensor[];
type Grads = Tensor | readonly (Tensor | null)[];

const list = (tensors: Tensors): readonly Tensor[] => (tensors instanceof Tensor ? [tensors] : tensors);

/** The gradients to begin with: what is given, checked, or ones for scalars. */
function rootsOf(outputs: readonly Tensor[], given: Grads | null | undefined): Root[] {
  const grads = given instanceof Tensor ? [given] : (given ?? outputs.map(() => null));
  if (grads.length !== outputs.length) {
    throw new RuntimeError(`got ${String(outputs.length)} tensors and ${String(grads.length)} gradients`);
  }
  const checked = outputs.map((t, i) => rootGrad(t, grads[i], i));
  return outputs.map((t, i) => {
    const edge = t._edge;
    if (!edge) {
      throw new RuntimeError(
        `element ${String(i)} of tensors does not require grad and does not have a gradFn`,
      );
    }
    return { edge, grad: checked[i] ?? constantLike(t, 1)._fresh() };
  });
}

function rootGrad(output: Tensor, grad: unknown, i: number): Tensor | null {
  if (grad === null || grad === undefined) {
    if (output.requiresGrad && output.numel() !== 1) {
      throw new RuntimeError(
        `grad can be implicitly created only for scalar outputs; this one has shape [${output._shape.join(", ")}]`,
      );
    }
    return null;
  }
  if (!(grad instanceof Tensor)) {
    throw new TypeError(`gradients can be either Tensors or null, but got ${typeof grad}`);
  }
  if (!sameShape(grad._shape, output._shape)) {
    throw new RuntimeError(
      `Mismatch in shape: grad_output[${String(i)}] has a shape of [${grad._shape.join(", ")}] and output[${String(i)}] ` +
        `has a shape of [${output._shape.join(", ")}].`,
    );
  }
  return grad.dtype === output.dtype ? grad : grad.to(output.dtype);
}

function edgeOf(input: Tensor): Edge {
  const edge = input._edge;
  if (!edge) throw new RuntimeError("One of the differentiated Tensors does not require grad");
  return edge;
}

export interface BackwardOptions {
  /** Keeps what was saved, so that backward can run again. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean | null | undefined;
  /** Records backward itself, for derivatives of higher order. */
  readonly createGraph?: boolean | undefined;
  /** Fills the `grad` of these only. */
  readonly inputs?: Tensors | null | undefined;
}

/**
 * Computes gradients of `tensors` with respect to the leaves and adds them to the leaves' `grad`.
 * @param gradTensors one gradient per tensor, of its shape; `null` for scalars.
 * @throws RuntimeError when a tensor does not require grad, is no scalar and has no gradient, or was used before.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.backward.html
 */
export function backward(
  tensors: Tensors,
  gradTensors?: Grads | null,
  options: BackwardOptions & { readonly gradTensors?: Grads | null | undefined } = {},
): void {
  if (isOptions(gradTensors)) {
    backward(tensors, null, gradTensors);
    return;
  }
  const createGraph = options.createGraph ?? false;
  const retainGraph = options.retainGraph ?? createGraph;
  const inputs = options.inputs ? list(options.inputs) : null;
  if (inputs?.length === 0) throw new RuntimeError("'inputs' argument to backward() cannot be empty.");
  asLibrary(() => {
    withGradMode(createGraph, () => {
      const roots = rootsOf(list(tensors), gradTensors ?? options.gradTensors);
      const targets = inputs && {
        nodes: new Set(inputs.map((t) => edgeOf(t).node)),
      };
      inputs?.forEach((t) => t.retainGrad());
      runBackward(roots, { retainGraph, ...(targets && { targets }) });
    });
  });
}

/** Whether the second argument of `backward` is already the options. */
function isOptions(value: unknown): value is BackwardOptions {
  return (
    typeof value === "object" && value !== null && !(value instanceof Tensor) && !(Symbol.iterator in value)
  );
}

export interface GradOptions {
  /** One gradient per output, of its shape; `null` for scalars. */
  readonly gradOutputs?: Grads | null | undefined;
  readonly retainGraph?: boolean | null | undefined;
  readonly createGraph?: boolean | undefined;
  readonly onlyInputs?: boolean | undefined;
  /** Gives `null` for inputs that were not used, instead of throwing. */
  readonly allowUnused?: boolean | undefined;
  /** `gradOutputs` have one more axis in front: one backward for each entry, results stacked. */
  readonly isGradsBatched?: boolean | undefined;
}

/**
 * Gradients of `outputs` with respect to `inputs`, returned and not accumulated.
 * @throws RuntimeError when an input was not used, unless `allowUnused`.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.grad.html
 */
export function grad(
  outputs: Tensors,
  inputs: Tensors,
  options: GradOptions & { readonly allowUnused: true },
): (Tensor | null)[];
export function grad(outputs: Tensors, inputs: Tensors, options?: GradOptions): Tensor[];
export function grad(outputs: Tensors, inputs: Tensors, options: GradOptions = {}): (Tensor | null)[] {
  const outs = list(outputs);
  const ins = list(inputs);
  if (ins.length === 0) throw new ValueError("grad requires non-empty inputs.");
  if (options.onlyInputs === false) {
    throw new TypeError("onlyInputs: false is no more: use backward() to accumulate into the leaves");
  }
  if (options.isGradsBatched) return batched(outs, ins, options);
  const createGraph = options.createGraph ?? false;
  const results = asLibrary(() =>
    withGradMode(createGraph, () => {
      const roots = rootsOf(outs, options.gradOutputs);
      const collected = new Map<GradNode, Map<number, Tensor | null>>();
      const edges = ins.map(edgeOf);
      for (const { node, index } of edges) {
        const slots = collected.get(node) ?? new Map<number, Tensor | null>();
        collected.set(node, slots.set(index, null));
      }
      const targets: Targets = { nodes: new Set(collected.keys()), collected };
      runBackward(roots, { retainGraph: options.retainGraph ?? createGraph, targets });
      return edges.map(({ node, index }) => collected.get(node)!.get(index) ?? null);
    }),
  );
  if (!options.allowUnused && results.includes(null)) {
    throw new RuntimeError(
      "One of the differentiated Tensors appears to not have been used in the graph. Set allowUnused: true if this " +
        "is the desired behavior.",
    );
  }
  return results;
}

/** One backward per entry of the gradients. */
function batched(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions,
): (Tensor | null)[] {
  const given = options.gradOutputs instanceof Tensor ? [options.gradOutputs] : options.gradOutputs;
  const batch = given?.find((g) => g !== null)?._shape[0];
  if (!given || batch === undefined) {
    throw new RuntimeError("isGradsBatched: true needs gradOutputs with a batch axis in front");
  }
  const rows = Array.from({ length: batch }, (_, i) =>
    grad(outputs, inputs, {
      ...options,
      isGradsBatched: false,
      allowUnused: true,
      gradOutputs: given.map((g) => g && g.select(0, i)),
      retainGraph: i < batch - 1 ? true : options.retainGraph,
    }),
  );
  return inputs.map((_, k) => {
    const column = rows.map((row) => row[k]!);
    if (column.includes(null as never)) {
      if (options.allowUnused) return null;
      throw new RuntimeError(
        "One of the differentiated Tensors appears to not have been used in the graph. Set allowUnused: true if this " +
          "is the desired behavior.",
      );
    }
    return asLibrary(() => stack(column));
  });
}
