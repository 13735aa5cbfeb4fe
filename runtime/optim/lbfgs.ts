import { noGrad } from "../autograd/mode.js";
import { RuntimeError, ValueError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import { asLibrary, asUser } from "../ops/depth.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { fromData } from "../ops/leaf.js";
import { strongWolfe, type Point } from "./lineSearch.js";
import { Optimizer, type ParamsLike, type ParamState, type Writable } from "./optimizer.js";
import { toVector, vectorsOf, type Vector, type Vectors } from "./vectors.js";

const signature =
  "LBFGS(float lr=1, int max_iter=20, int? max_eval=None, float tolerance_grad=1e-07, float tolerance_change=1e-09, int history_size=100, any line_search_fn=None) -> any";

export type LBFGSOptions = Writable<Arguments<typeof signature>>;

interface LBFGSState extends ParamState {
  func_evals: number;
  n_iter: number;
  /** Direction and step length of the last iteration. */
  d: Tensor | null;
  t: number;
  /** Differences of gradients and of parameters, and 1 / (y · s). */
  old_dirs: readonly Tensor[];
  old_stps: readonly Tensor[];
  ro: readonly number[];
  H_diag: number;
  prev_flat_grad: Tensor | null;
  prev_loss: number;
}

/**
 * What the iterations work on. The losses are read after every evaluation anyway, and the recursion grows with the
 * history, so it would be a new plan every time: it runs here, on the flattened vectors, in the parameters' precision.
 */
interface Memory {
  d: Vector;
  t: number;
  dirs: Vector[];
  stps: Vector[];
  ro: number[];
  hDiag: number;
  prevGrad: Vector | null;
  prevLoss: number;
}

/**
 * Limited-memory BFGS. `step(closure)` evaluates the closure as often as it needs, and reads its loss each time.
 * `lineSearchFn` is `null` or `"strong_wolfe"`. One group of parameters only.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  constructor(params: ParamsLike<LBFGSOptions>, ...args: CallArgs<typeof signature>) {
    const o = bound(signature, args);
    super(params, { ...o, maxEval: o.maxEval ?? Math.floor((o.maxIter * 5) / 4) });
    if (this.paramGroups.length !== 1) {
      throw new ValueError("LBFGS doesn't support per-parameter options (parameter groups)");
    }
    if (o.lineSearchFn !== null && o.lineSearchFn !== "strong_wolfe") {
      throw new RuntimeError("only 'strong_wolfe' is supported");
    }
  }

  protected update(): void {
    throw new RuntimeError("LBFGS.step() needs a closure that evaluates the model and returns the loss");
  }

  override step(): void;
  override step<T>(closure: () => T): T;
  override step<T>(closure?: () => T): T | undefined {
    if (!closure) this.update();
    this.stepCount++;
    return asLibrary(() => noGrad(() => this.#minimize(closure as () => Tensor) as T));
  }

  get #params(): readonly Tensor[] {
    return this.paramGroups[0]!.params;
  }

  #minimize(closure: () => Tensor): Tensor {
    const state = this.stateOf<LBFGSState>(this.#params[0]!, () => ({
      func_evals: 0,
      n_iter: 0,
      d: null,
      t: 0,
      old_dirs: [],
      old_stps: [],
      ro: [],
      H_diag: 1,
      prev_flat_grad: null,
      prev_loss: 0,
    }));
    const vectors = vectorsOf(this.#params[0]!.dtype);
    const evaluate = (): { result: Tensor; loss: number; grad: Vector } => {
      const result = torch.enableGrad(() => asUser(closure));
      state.func_evals++;
      return { result, loss: numberOf(result), grad: this.#flatGrad() };
    };
    const first = evaluate();
    if (vectors.largest(first.grad) > this.paramGroups[0]!.toleranceGrad) {
      const memory = recall(state);
      this.#iterate(state, memory, vectors, first, evaluate);
      this.#remember(state, memory);
    }
    return first.result;
  }

  #iterate(
    state: LBFGSState,
    memory: Memory,
    v: Vectors,
    first: { readonly loss: number; readonly grad: Vector },
    evaluate: () => { readonly loss: number; readonly grad: Vector },
  ): void {
    const group = this.paramGroups[0]!;
    const before = state.func_evals - 1;
    let { loss, grad } = first;
    for (let n = 1; n <= group.maxIter; n++) {
      state.n_iter++;
      const fresh = state.n_iter === 1;
      const d = fresh ? v.scale(grad, -1) : direction(memory, v, grad, group.historySize);
      memory.d = d;
      memory.prevGrad = grad;
      memory.prevLoss = loss;
      memory.t = fresh ? v.round(Math.min(1, v.round(1 / v.sumAbs(grad))) * group.lr) : group.lr;
      const slope = v.dot(grad, d);
      if (slope > -group.toleranceChange) break;
      if (group.lineSearchFn === null) {
        this.#move(memory.t, d, v);
        if (n !== group.maxIter) ({ loss, grad } = evaluate());
      } else {
        const start = this.#params.map((p) => p.clone());
        const along = (t: number): Point => {
          this.#move(t, d, v);
          const at = evaluate();
          this.#params.forEach((p, i) => p.copy_(start[i]!));
          return { ...at, slope: v.dot(at.grad, d) };
        };
        const found = strongWolfe(along, memory.t, { loss, grad, slope }, v.largest(d), v.round);
        ({ loss, grad } = found);
        memory.t = found.t;
        this.#move(memory.t, d, v);
      }
      if (
        state.func_evals - before >= (group.maxEval ?? Infinity) ||
        v.largest(grad) <= group.toleranceGrad ||
        v.largest(v.scale(d, memory.t)) <= group.toleranceChange ||
        Math.abs(loss - memory.prevLoss) < group.toleranceChange
      ) {
        break;
      }
    }
  }

  #flatGrad(): Vector {
    const parts = this.#params.map((p) => (p.grad ? p.grad.reshape(-1) : this.zeros(p).reshape(-1)));
    return toVector(torch.cat(parts));
  }

  /** p ← p + t · d, for all parameters at once. */
  #move(t: number, d: Vector, v: Vectors): void {
    const step = v.scale(d, t);
    let offset = 0;
    for (const p of this.#params) {
      const part = fromData(step.slice(offset, offset + p.numel()), p.shape, p.dtype, p.device);
      p.copy_(p.add(part));
      offset += p.numel();
    }
  }

  #remember(state: LBFGSState, memory: Memory): void {
    const { dtype } = this.#params[0]!;
    const tensor = (data: Vector): Tensor => fromData(data.slice(), [data.length], dtype);
    state.d = tensor(memory.d);
    state.t = memory.t;
    state.old_dirs = memory.dirs.map(tensor);
    state.old_stps = memory.stps.map(tensor);
    state.ro = memory.ro;
    state.H_diag = memory.hDiag;
    state.prev_flat_grad = memory.prevGrad && tensor(memory.prevGrad);
    state.prev_loss = memory.prevLoss;
  }
}

function recall(state: LBFGSState): Memory {
  return {
    d: state.d ? toVector(state.d) : new Float64Array(0),
    t: plain(state.t),
    dirs: state.old_dirs.map(toVector),
    stps: state.old_stps.map(toVector),
    ro: state.ro.map(plain),
    hDiag: plain(state.H_diag),
    prevGrad: state.prev_flat_grad && toVector(state.prev_flat_grad),
    prevLoss: plain(state.prev_loss),
  };
}

/** −H g by the two-loop recursion over the last pairs of differences. Nocedal & Wright, algorithm 7.4. */
function direction(memory: Memory, v: Vectors, grad: Vector, historySize: number): Vector {
  const y = v.add(grad, memory.prevGrad!, -1);
  const s = v.scale(memory.d, memory.t);
  const ys = v.dot(y, s);
  if (ys > 1e-10) {
    if (memory.dirs.length === historySize) {
      memory.dirs.shift();
      memory.stps.shift();
      memory.ro.shift();
    }
    memory.dirs.push(y);
    memory.stps.push(s);
    memory.ro.push(v.round(1 / ys));
    memory.hDiag = v.round(ys / v.dot(y, y));
  }
  const { dirs, stps, ro } = memory;
  const al: number[] = [];
  let q = v.scale(grad, -1);
  for (let i = dirs.length - 1; i >= 0; i--) {
    al[i] = v.round(v.dot(stps[i]!, q) * ro[i]!);
    q = v.add(q, dirs[i]!, -al[i]!);
  }
  let r = v.scale(q, memory.hDiag);
  for (let i = 0; i < dirs.length; i++) {
    const be = v.round(v.dot(dirs[i]!, r) * ro[i]!);
    r = v.add(r, stps[i]!, v.round(al[i]! - be));
  }
  return r;
}

/** PyTorch's checkpoints have some of the numbers as tensors of no dimensions. */
const plain = (value: number | Tensor): number => (typeof value === "number" ? value : value.item());

function numberOf(loss: unknown): number {
  return typeof loss === "number" ? loss : (loss as Tensor).item();
}
