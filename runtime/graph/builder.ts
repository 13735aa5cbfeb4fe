import type { OnnxAttrs, OnnxInitializer, OnnxNode } from "./onnx/proto.js";
import { allocate, dtypes, type DTypeName, type HostArray } from "../tensor/dtype.js";
import { guardName, type GuardError } from "../engine/guards.js";
import { numel } from "./value.js";
import type { Carrier } from "./primitive.js";

export type { GuardError };

/** A value inside a graph under construction. */
export interface Ref {
  readonly name: string;
  readonly dtype: Carrier;
  /** Known for inputs and results of operations; absent for what a lowering computes on the way. */
  readonly shape: readonly number[];
}

const UNKNOWN: readonly number[] = [];

/**
 * Collects the ONNX nodes of one graph. Sizes belong in inputs (`ints`), not in attributes, wherever ONNX allows it:
 * then plans of different sizes have the same nodes and can share one compiled graph.
 */
export class Builder {
  /** What the graph is for: a few lowerings differ. */
  readonly device: "cpu" | "webgpu" = "cpu";
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #constants = new Map<string, Ref>();
  readonly #prefix: string;
  #count = 0;
  #label: string | undefined;
  #labelled = 0;

  /**
   * Begins the nodes of one operation: ONNX Runtime's messages name them so (`n3.0`). Constants are shared inside an operation
   * and not across: two sizes that happen to be equal would change the graph when they are not.
   */
  enter(label: string): void {
    this.#label = label;
    this.#labelled = 0;
    this.#constants.clear();
  }

  #name(): string | undefined {
    return this.#label === undefined ? undefined : `${this.#label}.${String(this.#labelled++)}`;
  }

  /** Names inside the body of a loop must differ from those around it: `prefix`. */
  constructor(prefix = "t") {
    this.#prefix = prefix;
  }

  fresh(): string {
    return `${this.#prefix}${String(this.#count++)}`;
  }

  /**
   * `Scan`: runs `body` once for every step of the first axis of `over`, from the last one backwards with `reverse`.
   * It is given the state so far and the step of each of `over`, and gives the next state and what to collect, which
   * comes out stacked along a new first axis. It may use values from around it, but none that is a result of the plan:
   * their names change.
   */
  scan(
    state: readonly Ref[],
    over: readonly Ref[],
    body: (
      b: Builder,
      state: readonly Ref[],
      step: readonly Ref[],
    ) => { readonly state: readonly Ref[]; readonly collect: readonly Ref[] },
    reverse = false,
  ): { readonly state: Ref[]; readonly collected: Ref[] } {
    const b = new Builder(`${this.fresh()}_`);
    const input = (like: Ref, shape: readonly number[]): Ref => ({
      name: b.fresh(),
      dtype: like.dtype,
      shape,
    });
    const states = state.map((s) => input(s, s.shape));
    const steps = over.map((s) => input(s, s.shape.slice(1)));
    const { state: next, collect } = body(b, states, steps);
    // Every output has a name of its own, and is not an input.
    const results = [...next, ...collect].map((r) => b.node("Identity", [r], undefined, r.dtype, r.shape));
    const info = (r: Ref) => ({ name: r.name, dtype: dtypes[r.dtype].onnx });
    const out = this.multi(
      "Scan",
      [...state, ...over],
      results.length,
      {
        num_scan_inputs: over.length,
        scan_input_directions: over.map(() => Number(reverse)),
        scan_output_directions: collect.map(() => Number(reverse)),
        body: {
          g: {
            inputs: [...states, ...steps].map(info),
            outputs: results.map(info),
            initializers: b.initializers,
            nodes: b.nodes,
          },
        },
      },
      results.map((r) => r.dtype),
    );
    return { state: out.slice(0, next.length), collected: out.slice(next.length) };
  }

  /** One node with one result. `dtype` is the result's, that of the first input unless given. */
  node(
    op: string,
    inputs: readonly (Ref | null)[],
    attrs?: OnnxAttrs,
    dtype?: Carrier,
    shape: readonly number[] = UNKNOWN,
    domain?: string,
  ): Ref {
    const name = this.fresh();
    this.nodes.push({
      name: this.#name(),
      op,
      domain,
      inputs: inputs.map((r) => r?.name ?? ""),
      outputs: [name],
      attrs,
    });
    return { name, dtype: dtype ?? firstDtype(inputs), shape };
  }

  /** One node with `count` results, all of the first input's dtype unless given one by one. */
  multi(
    op: string,
    inputs: readonly (Ref | null)[],
    count: number,
    attrs?: OnnxAttrs,
    dtypesOf?: readonly Carrier[],
    domain?: string,
  ): Ref[] {
    const names = Array.from({ length: count }, () => this.fresh());
    this.nodes.push({
      name: this.#name(),
      op,
      domain,
      inputs: inputs.map((r) => r?.name ?? ""),
      outputs: names,
      attrs,
    });
    return names.map((name, i) => ({ name, dtype: dtypesOf?.[i] ?? firstDtype(inputs), shape: UNKNOWN }));
  }

  /**
   * `value`, which exists only where every element of `ok` holds: else the run fails with this error. What fails is a
   * look-up beyond the end of a table of one zero; the zero is added to `value`.
   */
  guarded(value: Ref, ok: Ref, error: GuardError, message: string): Ref {
    const violations = this.node("ReduceSum", [this.cast(this.node("Not", [ok]), "int64")], { keepdims: 0 });
    const table = this.tensor([0], value.dtype, [1]);
    const zero = this.node("Gather", [table, violations], { axis: 0 }, value.dtype, []);
    const gather = this.nodes.length - 1;
    const plain = this.nodes[gather]!;
    this.nodes[gather] = { ...plain, name: `${plain.name ?? ""} ${guardName(error, message)}` };
    return this.node("Add", [value, zero], undefined, value.dtype, value.shape);
  }

  /** Converts between carriers; nothing when already there. */
  cast(x: Ref, dtype: Carrier): Ref {
    if (x.dtype === dtype) return x;
    return this.node("Cast", [x], { to: dtypes[dtype].onnx }, dtype, x.shape);
  }

  /** A 0-d constant. */
  scalar(value: number | bigint, dtype: Carrier): Ref {
    return this.tensor([value], dtype, []);
  }

  /** A one-dimensional int64 constant: sizes, axes, starts. */
  ints(values: readonly number[]): Ref {
    return this.tensor(values, "int64", [values.length]);
  }

  /** A constant. Equal ones are shared. */
  tensor(values: readonly (number | bigint)[], dtype: Carrier, dims: readonly number[]): Ref {
    const key = `${dtype}[${dims.join()}]${values.map((v) => (Object.is(v, -0) ? "-0" : String(v))).join()}`;
    let ref = this.#constants.get(key);
    if (!ref) {
      ref = this.data(fill(dtype, values), dtype, dims);
      this.#constants.set(key, ref);
    }
    return ref;
  }

  /** A constant from bytes. */
  data(data: HostArray, dtype: Carrier, dims: readonly number[]): Ref {
    if (data.length !== numel(dims))
      throw new Error(`constant of ${String(data.length)} elements for [${dims.join()}]`);
    const name = this.fresh();
    this.initializers.push({ name, dtype: dtypes[dtype].onnx, dims, data });
    return { name, dtype, shape: dims };
  }

  reshape(x: Ref, shape: readonly number[]): Ref {
    return this.node("Reshape", [x, this.ints(shape)], { allowzero: 1 }, x.dtype, shape);
  }

  /** Rounds a carrier to what `dtype` can store, as if it had been stored and loaded. */
  round(x: Ref, dtype: DTypeName): Ref {
    if (dtype === x.dtype) return x;
    const stored = this.node("Cast", [x], { to: dtypes[dtype].onnx }, x.dtype, x.shape);
    return this.node("Cast", [stored], { to: dtypes[x.dtype].onnx }, x.dtype, x.shape);
  }
}

function firstDtype(inputs: readonly (Ref | null)[]): Carrier {
  for (const r of inputs) if (r) return r.dtype;
  throw new Error("a node without inputs must say its dtype");
}

function fill(dtype: Carrier, values: readonly (number | bigint)[]): HostArray {
  const out = allocate(dtype, values.length);
  for (let i = 0; i < values.length; i++) {
    (out as { [i: number]: number | bigint })[i] = dtype === "int64" ? BigInt(values[i]!) : Number(values[i]);
  }
  return out;
}
