import type { nn, Tensor } from "../../../../runtime/index.js";
import { torch } from "../../../../runtime/index.js";

/** The `ramp` of the Python prelude. */
export function ramp(...shape: number[]): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch.arange(n).mul(37).add(11).remainder(64).sub(31.5).mul(0.025).reshape(shape);
}

/** Trains nothing: calls a module, takes gradients, and tells what came of it, as the Python `report` does. */
export function report(m: nn.Module, x: Tensor, calls = 1): unknown {
  const losses: Tensor[] = [];
  for (let i = 0; i < calls; i++) {
    m.zeroGrad();
    const made = (m as unknown as (x: Tensor) => Tensor | readonly Tensor[])(x);
    const y = Array.isArray(made) ? (made as Tensor[])[0]! : (made as Tensor);
    const loss = y.pow(2).sum();
    loss.backward();
    losses.push(loss);
  }
  const state = m.stateDict();
  return {
    losses,
    keys: [...state.keys()],
    state: [...state.values()],
    grads: Object.fromEntries([...m.namedParameters()].flatMap(([n, p]) => (p.grad ? [[n, p.grad]] : []))),
    repr: String(m),
  };
}
