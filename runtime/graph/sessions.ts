/**
 * Which ONNX graphs are compiled. A graph is known by its structure: nodes, attributes, wiring, dtypes and ranks. Plans of
 * different sizes differ in constants (the sizes that lowerings take through `Builder.ints`) and in the shapes of
 * inputs; the third size of a structure is compiled with what differs as inputs, and all later sizes share that.
 */
import { createHash } from "node:crypto";
import type { OnnxSegment, SegmentConstant, SessionId } from "../engine/protocol.js";
import { dtypeOfOnnx } from "../tensor/dtype.js";
import type { LoweredGraph } from "./compile.js";
import { encodeModel, OPSET, WEBGPU_OPSET, type OnnxInitializer, type OnnxModel } from "./onnx/proto.js";

/** Sizes that get a graph of their own before one is made for all. */
const OWN_SIZES = 2;

export interface CompiledSession {
  readonly id: SessionId;
  readonly optimization: OnnxSegment["optimization"];
  /** Plans that use it. */
  users: number;
  readonly structure: Structure;
  /** The sizes it is for; `null` for all. */
  readonly sizes: string | null;
}

/** A session for all sizes, as far as they were known. */
interface Shared {
  readonly session: CompiledSession;
  /** Constants that are inputs. */
  readonly constants: readonly number[];
  readonly openAxes: number;
}

interface Structure {
  readonly key: string;
  /** Constants of the first plan, to see which differ. */
  readonly digests: readonly string[];
  readonly varying: Set<number>;
  /** Sizes of the inputs; `null` where they differ. */
  readonly shapes: (number | null)[][];
  readonly sizes: Set<string>;
  readonly own: Map<string, CompiledSession>;
  shared: Shared | undefined;
}

/** A segment ready to be sent, and the session it uses. */
export interface Assigned {
  readonly segment: OnnxSegment;
  readonly session: CompiledSession;
}

export class SessionTable {
  readonly #structures = new Map<string, Structure>();
  #last = 0;
  #compiled = 0;

  get compiled(): number {
    return this.#compiled;
  }

  /** Finds or makes the session of a graph. The caller owns one use of it. */
  assign(graph: LoweredGraph, wanted: OnnxSegment["optimization"]): Assigned {
    // On a device the shaders take the time, and they are compiled once whatever the graph's optimisation.
    const optimization = graph.device === "cpu" ? wanted : "full";
    const digests = graph.model.initializers.map(digest);
    const structure = this.#structureOf(graph, digests);
    const sizes = hash([...graph.model.inputs.map((i) => String(i.shape)), ...digests].join(";"));
    observe(structure, graph.model, digests, sizes);
    const assigned =
      structure.sizes.size > OWN_SIZES
        ? this.#shared(structure, graph, structure.own.get(sizes))
        : this.#own(structure, graph, sizes, optimization);
    assigned.session.users++;
    return assigned;
  }

  /** Gives one use back. */
  release(session: CompiledSession): void {
    if (--session.users > 0) return;
    const { structure, sizes } = session;
    if (sizes === null) {
      if (structure.shared?.session === session) structure.shared = undefined;
    } else if (structure.own.get(sizes) === session) structure.own.delete(sizes);
    if (structure.own.size === 0 && !structure.shared) this.#structures.delete(structure.key);
  }

  #structureOf(graph: LoweredGraph, digests: readonly string[]): Structure {
    const { model } = graph;
    const key = skeleton(graph);
    let structure = this.#structures.get(key);
    if (!structure) {
      structure = {
        key,
        digests,
        varying: new Set(),
        shapes: model.inputs.map((i) => [...(i.shape as readonly number[])]),
        sizes: new Set(),
        own: new Map(),
        shared: undefined,
      };
      this.#structures.set(key, structure);
    }
    return structure;
  }

  #own(
    structure: Structure,
    { model, device, staying, inputs, outputs }: LoweredGraph,
    sizes: string,
    optimization: OnnxSegment["optimization"],
  ): Assigned {
    const known = structure.own.get(sizes);
    const ready = known && (known.optimization === "full" || optimization === "fast");
    const session = ready ? known : this.#create(structure, sizes, optimization);
    structure.own.set(sizes, session);
    const segment = {
      kind: "onnx",
      device,
      staying,
      session: session.id,
      optimization,
      inputs,
      outputs,
      constants: [],
    } as const;
    return { session, segment: ready ? segment : { ...segment, model: encodeModel(model, opsetOf(device)) } };
  }

  /** `own`: a session of this size, from before there was a shared one. */
  #shared(structure: Structure, graph: LoweredGraph, own?: CompiledSession): Assigned {
    const { model, device, staying, inputs, outputs } = graph;
    const { shared, varying } = structure;
    const segment = { kind: "onnx", device, staying, optimization: "full", inputs, outputs } as const;
    if (own?.optimization === "full")
      return { session: own, segment: { ...segment, session: own.id, constants: [] } };
    const openAxes = structure.shapes.flat().filter((d) => d === null).length;
    const covered = shared?.openAxes === openAxes && shared.constants.length === varying.size;
    const constants = covered ? shared.constants : [...varying].sort((a, b) => a - b);
    const given = constants.map((i) => constantOf(model.initializers[i]!));
    if (covered) {
      const { session } = shared;
      return { session, segment: { ...segment, session: session.id, constants: given } };
    }
    const session = this.#create(structure, null, "full");
    structure.shared = { session, constants, openAxes };
    const bytes = encodeModel(openModel(model, structure, constants), opsetOf(device));
    return { session, segment: { ...segment, session: session.id, constants: given, model: bytes } };
  }

  #create(
    structure: Structure,
    sizes: string | null,
    optimization: OnnxSegment["optimization"],
  ): CompiledSession {
    this.#compiled++;
    return { id: ++this.#last, optimization, users: 0, structure, sizes };
  }
}

const opsetOf = (device: LoweredGraph["device"]): number => (device === "webgpu" ? WEBGPU_OPSET : OPSET);

/** Notes what differs from the plans of this structure so far. */
function observe(s: Structure, model: OnnxModel, digests: readonly string[], sizes: string): void {
  digests.forEach((d, i) => {
    if (d !== s.digests[i]) s.varying.add(i);
  });
  model.inputs.forEach(({ shape }, i) => {
    shape!.forEach((d, axis) => {
      if (d !== s.shapes[i]![axis]) s.shapes[i]![axis] = null;
    });
  });
  if (s.sizes.size <= OWN_SIZES) s.sizes.add(sizes);
}

/** The model with everything open that differs between sizes. */
function openModel(model: OnnxModel, { shapes }: Structure, constants: readonly number[]): OnnxModel {
  const open = new Set(constants.map((i) => model.initializers[i]!));
  return {
    ...model,
    inputs: [
      ...model.inputs.map((input, i) => ({ ...input, shape: shapes[i]! })),
      ...[...open].map(({ name, dtype, dims }) => ({ name, dtype, shape: dims.map(() => null) })),
    ],
    initializers: model.initializers.filter((t) => !open.has(t)),
  };
}

function constantOf({ name, dtype, dims, data }: OnnxInitializer): SegmentConstant {
  return { name, dtype: dtypeOfOnnx(dtype).name, dims, data };
}

/** What plans of all sizes have in common. */
function skeleton({ device, staying, model }: LoweredGraph): string {
  const { inputs, outputs, initializers, nodes } = model;
  const typed = [
    ...inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape!.map(() => null) })),
    ...initializers.map(({ name, dtype, dims }) => ({ name, dtype, shape: dims.map(() => null) })),
  ];
  const where = device === "cpu" ? "" : `${device} ${staying.join()} `;
  return where + hash(encodeModel({ inputs: typed, outputs, initializers: [], nodes }));
}

function digest({ dims, data }: OnnxInitializer): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return `${dims.join("x")}:${bytes.length <= 64 ? Buffer.from(bytes).toString("latin1") : hash(bytes)}`;
}

function hash(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("base64");
}
