import { guardFailure } from "./guards.js";
import { Mt19937 } from "../random/mt19937.js";
import { fillDraw, type Draw } from "../random/distributions.js";
import type { HostArray } from "../tensor/dtype.js";
import { BufferPool } from "./pool.js";
import { NodeFailure, ProgramRunner, type Output } from "./program.js";
import { bytesOf, freeDevice, type Slot } from "./slot.js";
import { webgpuMemory } from "./webgpu.js";
import { IdMap } from "./steady.js";
import { createSession, sessionStats, type Placement, type Session } from "./session.js";
import type {
  BufferId,
  DrawRequest,
  EngineFailure,
  EngineStats,
  FailedBuffer,
  Feed,
  FromEngine,
  OnnxSegment,
  Program,
  SentBuffer,
  SessionId,
  ToEngine,
} from "./protocol.js";

type Reply = (message: FromEngine, transfer: ArrayBuffer[]) => void;
type RunMessage = Extract<ToEngine, { readonly type: "run" }>;

interface Loaded {
  readonly runner: ProgramRunner;
  readonly sessions: ReadonlyMap<SessionId, unknown>;
}

/** A session that is made when it is first used, and how many programs use it. */
class SharedSession {
  users = 0;
  #model: Uint8Array | undefined;
  readonly #optimization: OnnxSegment["optimization"];
  readonly #placement: Placement;
  #session: Session | undefined;

  constructor(model: Uint8Array, optimization: OnnxSegment["optimization"], placement: Placement) {
    this.#placement = placement;
    this.#model = model;
    this.#optimization = optimization;
  }

  readonly get = async (): Promise<Session> => {
    if (this.#session) return this.#session;
    this.#session = await createSession(this.#model!, this.#optimization, this.#placement);
    // ONNX Runtime has its own copy.
    this.#model = undefined;
    return this.#session;
  };

  async release(): Promise<void> {
    await this.#session?.release();
  }
}

/** What the engine thread does with each message, in order. */
export class Engine {
  readonly #programs = new Map<number, Loaded>();
  readonly #sessions = new Map<SessionId, SharedSession>();
  readonly #pool = new BufferPool();
  readonly #resident = new IdMap<Slot>();
  readonly #failed = new IdMap<EngineFailure>();
  readonly #generators = new Map<number, Mt19937>();
  /** Generators whose last seed or state was refused. */
  readonly #broken = new Map<number, EngineFailure>();
  #runs = 0;

  async handle(message: ToEngine, reply: Reply): Promise<void> {
    switch (message.type) {
      case "program":
        this.#load(message.program, message.code);
        return;
      case "release":
        await this.#unload(message.program);
        return;
      case "run":
        await this.#run(message, reply);
        return;
      case "drop":
        for (const id of message.ids) this.#forget(id);
        return;
      case "seed":
        this.#restart(message.generator, (g) => {
          g.seed(message.seed);
        });
        return;
      case "setState":
        this.#restart(message.generator, (g) => {
          g.setState(message.state);
        });
        return;
      default:
        await this.#answer(message, reply);
    }
  }

  #load(number: number, program: Program): void {
    const sessions = new Map<SessionId, () => Promise<Session>>();
    for (const segment of program.segments) {
      if (segment.kind !== "onnx") continue;
      const { session: id, model, optimization } = segment;
      let shared = this.#sessions.get(id);
      if (!shared) {
        if (!model) throw new Error(`internal: session ${String(id)} came without its model`);
        const exact = [...segment.inputs, ...segment.outputs].some(
          (i) => program.slots[i]!.dtype === "float64",
        );
        const { device } = segment;
        const staying = segment.staying.map((i) => `v${String(i)}`);
        shared = new SharedSession(model, optimization, { device, staying, exact });
        this.#sessions.set(id, shared);
      }
      if (sessions.has(id)) continue;
      shared.users++;
      sessions.set(id, shared.get);
    }
    this.#programs.set(number, { runner: new ProgramRunner(program, sessions, this.#pool), sessions });
  }

  async #unload(number: number): Promise<void> {
    const loaded = this.#programs.get(number);
    if (!loaded) return;
    this.#programs.delete(number);
    for (const id of loaded.sessions.keys()) {
      const shared = this.#sessions.get(id)!;
      if (--shared.users > 0) continue;
      this.#sessions.delete(id);
      await shared.release();
    }
  }

  async #answer(
    message: Exclude<Extract<ToEngine, { readonly run: number }>, RunMessage>,
    reply: Reply,
  ): Promise<void> {
    const { run } = message;
    try {
      switch (message.type) {
        case "draw":
          this.#draw(message.requests);
          reply({ run, buffers: [] }, []);
          return;
        case "evict":
        case "fetch":
          await this.#send(run, message.ids, message.type === "evict", reply);
          return;
        case "getState":
          reply({ run, buffers: [], state: this.#generator(message.generator).getState() }, []);
          return;
        case "stats":
          reply({ run, buffers: [], stats: this.#stats() }, []);
      }
    } catch (error) {
      reply({ run, buffers: [], error: describe(error) }, []);
    }
  }

  #generator(id: number): Mt19937 {
    const failure = this.#broken.get(id);
    if (failure) throw new Failure(failure);
    let g = this.#generators.get(id);
    if (!g) this.#generators.set(id, (g = new Mt19937()));
    return g;
  }

  /** Seeding and setting the state have no reply: a refused one is the failure of what is drawn next. */
  #restart(id: number, change: (g: Mt19937) => void): void {
    this.#broken.delete(id);
    try {
      change(this.#generator(id));
    } catch (error) {
      this.#broken.set(id, describe(error));
    }
  }

  /** A draw that fails takes nothing from its generator and fails alone. */
  #draw(requests: readonly DrawRequest[]): void {
    for (const { generator, draw, outputs } of requests) {
      try {
        const drawn = fillDraw(this.#generator(generator), draw as Draw);
        outputs.forEach((id, i) => this.#resident.set(id, { data: drawn[i]! }));
      } catch (error) {
        const failure = { ...describe(error), inherited: true };
        for (const id of outputs) this.#failed.set(id, failure);
      }
    }
  }

  #slot(id: BufferId): Slot {
    const failure = this.#failed.get(id);
    if (failure) throw new Failure({ ...failure, buffer: id });
    const slot = this.#resident.get(id);
    if (!slot) throw new Error(`buffer ${String(id)} is not resident`);
    return slot;
  }

  /** Buffers themselves when they leave, else copies. One that failed does not keep the others from being sent. */
  async #send(run: number, ids: readonly BufferId[], leave: boolean, reply: Reply): Promise<void> {
    const buffers: SentBuffer[] = [];
    const failed: FailedBuffer[] = [];
    for (const id of ids) {
      try {
        const slot = this.#slot(id);
        if (leave) buffers.push({ id, data: await bytesOf(slot) });
        else if (slot.data) buffers.push({ id, data: slot.data.slice() as HostArray });
        else buffers.push({ id, data: await webgpuMemory.download(slot.onDevice!) });
      } catch (e) {
        failed.push({ id, error: describe(e) });
      }
      if (leave) this.#forget(id);
    }
    reply(
      failed.length > 0 ? { run, buffers, failed, error: failed[0]!.error } : { run, buffers },
      owned(buffers),
    );
  }

  #forget(id: BufferId): void {
    const slot = this.#resident.get(id);
    if (slot) freeDevice(slot);
    this.#resident.delete(id);
    this.#failed.delete(id);
  }

  async #run({ run, program, feeds, wants }: RunMessage, reply: Reply): Promise<void> {
    this.#runs++;
    // What came along is resident before anything can fail: a failed run loses no state.
    const arrived = feeds.map((f) => this.#arrive(f));
    this.#pool.tick();
    const loaded = this.#programs.get(program);
    let buffers: SentBuffer[] = [];
    let error: EngineFailure | undefined;
    try {
      if (!loaded) throw new Error(`program ${String(program)} is not loaded`);
      const inputs = feeds.map((f, i) => arrived[i] ?? this.#slot(f.id!));
      const shapes = feeds.map((f) => f.shape);
      const destinations = wants.map((w) => ({ stays: !w.return }));
      const outputs = soleOwners(await loaded.runner.run(inputs, shapes, destinations), inputs);
      for (const [i, { id, return: back }] of wants.entries()) {
        const { slot, shape } = outputs[i]!;
        if (!back) {
          this.#resident.set(id, slot);
          continue;
        }
        const data = await bytesOf(slot);
        freeDevice(slot);
        buffers.push(shape ? { id, data, shape } : { id, data });
      }
      await this.#settle(feeds, buffers);
    } catch (e) {
      buffers = [];
      error = describe(e);
      const inherited = { ...error, inherited: true };
      for (const { id, return: back } of wants) if (!back) this.#failed.set(id, inherited);
    }
    for (const [i, { id }] of feeds.entries()) if (id === null) freeDevice(arrived[i]!);
    reply(error ? { run, buffers, error } : { run, buffers }, owned(buffers));
  }

  /** After a run that succeeded: what was fed is kept, handed back, or written over by a later one. */
  async #settle(feeds: readonly Feed[], buffers: SentBuffer[]): Promise<void> {
    for (const { id, after } of feeds) {
      if (id === null || after === "keep") continue;
      const slot = this.#resident.get(id);
      if (slot && after === "return") buffers.push({ id, data: await bytesOf(slot) });
      if (slot?.data && after === "drop" && ownsBuffer(slot.data)) this.#pool.put(slot.data.buffer);
      this.#forget(id);
    }
  }

  #arrive(f: Feed): Slot | undefined {
    if (!("data" in f)) return undefined;
    const slot: Slot = { data: f.data };
    if (f.id !== null) this.#resident.set(f.id, slot);
    return slot;
  }

  #stats(): EngineStats {
    const memory = process.memoryUsage();
    let residentBytes = 0;
    for (const { data, onDevice } of this.#resident.values()) {
      residentBytes += data?.byteLength ?? 4 * onDevice!.tensor.size;
    }
    return {
      ...sessionStats(),
      runs: this.#runs,
      residentBuffers: this.#resident.size,
      residentBytes,
      transfers: webgpuMemory.transfers,
      rss: memory.rss,
      external: memory.external,
    };
  }
}

/** One buffer has one owner: an output that is also an input or another output, or only a part of its buffer, is copied. */
function soleOwners(outputs: readonly Output[], inputs: readonly Slot[]): readonly Output[] {
  const taken = new Set<ArrayBuffer>(inputs.flatMap((s) => (s.data ? [s.data.buffer] : [])));
  return outputs.map((output): Output => {
    const { data } = output.slot;
    if (!data) return output;
    if (!taken.has(data.buffer) && ownsBuffer(data)) {
      taken.add(data.buffer);
      return output;
    }
    freeDevice(output.slot);
    return { ...output, slot: { data: data.slice() as HostArray } };
  });
}

function ownsBuffer(data: HostArray): boolean {
  return data.byteLength === data.buffer.byteLength;
}

function owned(buffers: readonly SentBuffer[]): ArrayBuffer[] {
  return buffers.map((b) => b.data.buffer);
}

/** The error of an earlier request, met again. */
class Failure extends Error {
  readonly failure: EngineFailure;
  constructor(failure: EngineFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

const classes = new Set(["RuntimeError", "IndexError", "ValueError", "NotImplementedError"]);

function describe(error: unknown): EngineFailure {
  if (error instanceof Failure) return error.failure;
  if (error instanceof NodeFailure) return { ...describe(error.cause), node: error.node };
  const e = error as Error;
  const known = classes.has(e.name) ? (e.name as NonNullable<EngineFailure["errorClass"]>) : undefined;
  if (known) return { message: e.message, errorClass: known };
  return guardFailure(e.message) ?? { message: e.message || String(error) };
}
