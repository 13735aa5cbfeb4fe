import type { Tensor } from "../../runtime/index.js";
import { torch } from "../../runtime/index.js";
import { camel } from "../conformance/call.js";
import type { Answer, Argument, Look, Numbers, Program, Refusal, Step } from "./program.js";

/** Runs a program in the library, step by step. */
export class Replay {
  readonly tensors: (Tensor | null)[] = [];
  readonly #leaves: readonly Tensor[];
  readonly #seen: (Look | Refusal)[] = [];

  constructor({ leaves, dtype }: Pick<Program, "leaves" | "dtype">) {
    this.#leaves = leaves.map((leaf) => {
      const t = torch
        .tensor(Float64Array.from(leaf.values))
        .to(torch[dtype])
        .reshape([...leaf.shape])
        .detach();
      const own = t.clone();
      return leaf.requiresGrad ? own.requiresGrad_() : own;
    });
    this.tensors.push(...this.#leaves);
  }

  step(step: Step): void {
    try {
      const out = torch.setGradEnabled(step.grad, () => this.#call(step));
      const picked = (step.pick === undefined ? out : (out as Tensor[])[step.pick]) as Tensor;
      this.#seen.push(look(picked));
      this.tensors.push(picked);
    } catch (error) {
      this.#seen.push(refusal(error));
      this.tensors.push(null);
    }
  }

  #call({ on, op, args }: Step): unknown {
    const self = this.tensors[on]!;
    const given = args.map((a) => this.#decode(a));
    if (op === "__getitem__") return self.at(...(given as never[]));
    if (op === "__setitem__") return self.setAt(given.slice(0, -1) as never[], given.at(-1) as never);
    const functions = torch as unknown as Record<string, (...a: unknown[]) => unknown>;
    if (op === "cat" || op === "stack" || op === "where") return functions[op]!(...given);
    const method = (self as unknown as Record<string, ((...a: unknown[]) => unknown) | undefined>)[camel(op)];
    if (!method) throw new Error(`there is no Tensor.${camel(op)}`);
    return method.apply(self, given);
  }

  #decode(a: Argument): unknown {
    if (typeof a !== "object" || a === null) return a;
    if (isList(a)) return a.map((v) => this.#decode(v));
    if ("tensor" in a) return this.tensors[a.tensor];
    if ("slice" in a) return torch.slice(a.slice[0] ?? null, a.slice[1], a.slice[2]);
    if ("long" in a) return torch.tensor(a.long as number[], { dtype: torch.int64 });
    if ("bool" in a) return torch.tensor(a.bool as boolean[], { dtype: torch.bool });
    return "...";
  }

  finish(): Answer {
    const end = this.tensors.map((t) => t && { ...look(t), values: numbers(t) });
    const terms: Tensor[] = [];
    const refused: [number, string][] = [];
    this.tensors.forEach((t, i) => {
      if (!t?.requiresGrad) return;
      try {
        terms.push(t.mul(cotangent(t)).sum());
      } catch (error) {
        refused.push([i, refusal(error).error]);
      }
    });
    const answer = { steps: this.#seen, end, refused };
    if (terms.length === 0) return answer;
    try {
      terms.reduce((a, b) => a.add(b)).backward();
      return { ...answer, grads: this.#leaves.map((t) => t.grad && numbers(t.grad)) };
    } catch (error) {
      return { ...answer, backward: refusal(error) };
    }
  }
}

const isList = (a: Argument): a is readonly Argument[] => Array.isArray(a);

export function replay(program: Program): Answer {
  const run = new Replay(program);
  for (const step of program.steps) run.step(step);
  return run.finish();
}

function refusal(error: unknown): Refusal {
  if (!(error instanceof Error)) throw error;
  return { error: error.name, message: error.message.slice(0, 300) };
}

export function look(t: Tensor): Look {
  return {
    shape: t.shape,
    stride: t.stride(),
    offset: t.storageOffset(),
    dtype: t.dtype.name,
    requiresGrad: t.requiresGrad,
    isView: t._isView(),
    version: t._version,
  };
}

/** The elements; of a tensor that cannot be computed, why. */
function numbers(t: Tensor): Numbers {
  try {
    return elements(t);
  } catch (error) {
    return [refusal(error).message];
  }
}

function elements(t: Tensor): Numbers {
  return Array.from(t.numpy({ force: true }) as ArrayLike<number>, (v) => {
    const x = Number(v);
    if (Number.isNaN(x)) return "nan";
    return Number.isFinite(x) ? x : x > 0 ? "inf" : "-inf";
  });
}

/** cᵢ = ((37 i + 11) mod 64 − 31.5) / 32 */
function cotangent(t: Tensor): Tensor {
  const values = Float64Array.from({ length: t.numel() }, (_, i) => (((37 * i + 11) % 64) - 31.5) / 32);
  return torch.tensor(values).to(t.dtype).reshape(t.shape);
}
