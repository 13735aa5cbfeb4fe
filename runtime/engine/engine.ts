import { guardFailure } from "./guards.js";
import { Mt19937 } from "../random/mt19937.js";
import { fillDraw, type Draw } from "../random/distributions.js";
import type { HostArray } from "../tensor/dtype.js";
import { ProgramRunner, type Output, type Slot } from "./program.js";
import { sessionStats } from "./session.js";
import type {
  BufferId,
  DrawRequest,
  EngineFailure,
  EngineStats,
  FailedBuffer,
  Feed,
  FromEngine,
  Program,
  SentBuffer,
  ToEngine,
} from "./protocol.js";

type Reply = (message: FromEngine, transfer: ArrayBuffer[]) => void;
type RunMessage = Extract<ToEngine, { readonly type: "run" }>;

/** What the engine thread does with each message, in order. */
export class Engine {
  readonly #programs = new Map<number, ProgramRunner>();
  readonly #resident = new Map<BufferId, Slot>();
  readonly #failed = new Map<BufferId, EngineFailure>();
  readonly #generators = new Map<number, Mt19937>();
  /** Generators whose last seed or state was refused. */
  readonly #broken = new Map<number, EngineFailure>();
  #runs = 0;

  async handle(message: ToEngine, reply: Reply): Promise<void> {
    switch (message.type) {
      case "program":
        this.#programs.set(message.program, new ProgramRunner(message.code as Program));
        return;
      case "release":
        await this.#programs.get(message.program)?.release();
        this.#programs.delete(message.program);
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
        this.#answer(message, reply);
    }
  }

  #answer(message: Exclude<Extract<ToEngine, { readonly run: number }>, RunMessage>, reply: Reply): void {
    const { run } = message;
    try {
      switch (message.type) {
        case "draw":
          this.#draw(message.requests);
          reply({ run, buffers: [] }, []);
          return;
        case "evict":
        case "fetch":
          this.#send(run, message.ids, message.type === "evict", reply);
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
        const failure = describe(error);
        for (const id of outputs) this.#failed.set(id, failure);
      }
    }
  }

  #slot(id: BufferId): Slot {
    const failure = this.#failed.get(id);
    if (failure) throw new Failure(failure);
    const slot = this.#resident.get(id);
    if (!slot) throw new Error(`buffer ${String(id)} is not resident`);
    return slot;
  }

  /** Buffers themselves when they leave, else copies. One that failed does not keep the others from being sent. */
  #send(run: number, ids: readonly BufferId[], leave: boolean, reply: Reply): void {
    const buffers: SentBuffer[] = [];
    const failed: FailedBuffer[] = [];
    for (const id of ids) {
      try {
        const { data } = this.#slot(id);
        buffers.push({ id, data: leave ? data : (data.slice() as HostArray) });
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
    this.#resident.delete(id);
    this.#failed.delete(id);
  }

  async #run({ run, program, feeds, wants }: RunMessage, reply: Reply): Promise<void> {
    this.#runs++;
    // What came along is resident before anything can fail: a failed run loses no state.
    const arrived = feeds.map((f) => this.#arrive(f));
    const runner = this.#programs.get(program);
    let buffers: SentBuffer[] = [];
    let error: EngineFailure | undefined;
    try {
      if (!runner) throw new Error(`program ${String(program)} is not loaded`);
      const inputs = feeds.map((f, i) => arrived[i] ?? this.#slot(f.id!));
      const shapes = feeds.map((f) => f.shape);
      const outputs = soleOwners(await runner.run(inputs, shapes), inputs);
      wants.forEach(({ id, return: back }, i) => {
        if (back) buffers.push({ id, ...outputs[i]! });
        else this.#resident.set(id, { data: outputs[i]!.data });
      });
    } catch (e) {
      buffers = [];
      error = e instanceof Failure || !runner ? describe(e) : { ...describe(e), segment: runner.segment };
      for (const { id, return: back } of wants) if (!back) this.#failed.set(id, error);
    }
    for (const { id, after } of feeds) {
      if (id === null || after === "keep") continue;
      const slot = this.#resident.get(id);
      if (slot && after === "return") buffers.push({ id, data: slot.data });
      this.#forget(id);
    }
    reply(error ? { run, buffers, error } : { run, buffers }, owned(buffers));
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
    for (const slot of this.#resident.values()) residentBytes += slot.data.byteLength;
    return {
      ...sessionStats(),
      runs: this.#runs,
      residentBuffers: this.#resident.size,
      residentBytes,
      rss: memory.rss,
      external: memory.external,
    };
  }
}

/** One buffer has one owner: an output that is also an input or another output, or only a part of its buffer, is copied. */
function soleOwners(outputs: readonly Output[], inputs: readonly Slot[]): readonly Output[] {
  const taken = new Set<ArrayBuffer>(inputs.map((s) => s.data.buffer));
  return outputs.map((output): Output => {
    let { data } = output;
    if (taken.has(data.buffer) || data.byteLength !== data.buffer.byteLength)
      data = data.slice() as HostArray;
    taken.add(data.buffer);
    return data === output.data ? output : { ...output, data };
  });
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
  const e = error as Error;
  const known = classes.has(e.name) ? (e.name as NonNullable<EngineFailure["errorClass"]>) : undefined;
  if (known) return { message: e.message, errorClass: known };
  return guardFailure(e.message) ?? { message: e.message || String(error) };
}
