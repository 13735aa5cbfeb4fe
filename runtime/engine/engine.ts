import { Mt19937 } from "../random/mt19937.js";
import { fillDraw, type Draw } from "../random/distributions.js";
import type { HostArray } from "../tensor/dtype.js";
import { ProgramRunner, type Slot } from "./program.js";
import { sessionStats } from "./session.js";
import type { BufferId, EngineFailure, Feed, FromEngine, Program, ToEngine } from "./protocol.js";

type Reply = (message: FromEngine, transfer: ArrayBuffer[]) => void;
type RunMessage = Extract<ToEngine, { readonly type: "run" }>;

/** What the engine thread does with each message, in order. */
export class Engine {
  readonly #programs = new Map<number, ProgramRunner>();
  readonly #resident = new Map<BufferId, Slot>();
  readonly #failed = new Map<BufferId, EngineFailure>();
  readonly #generators = new Map<number, Mt19937>();
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
        this.#generator(message.generator).seed(message.seed);
        return;
      case "close":
        return;
      case "setState":
        this.#generator(message.generator).setState(message.state);
        return;
      default:
        this.#answer(message, reply);
    }
  }

  #answer(message: Exclude<Extract<ToEngine, { readonly run: number }>, RunMessage>, reply: Reply): void {
    const { run } = message;
    try {
      if (message.type === "draw") {
        for (const { generator, draw, outputs } of message.requests) {
          fillDraw(this.#generator(generator), draw as Draw).forEach((data, i) => {
            this.#resident.set(outputs[i]!, { data });
          });
        }
        reply({ run, buffers: [] }, []);
      } else if (message.type === "evict" || message.type === "fetch") {
        const buffers = message.ids.map((id) => ({ id, data: this.#take(id, message.type === "evict") }));
        reply(
          { run, buffers },
          buffers.map((b) => b.data.buffer),
        );
      } else if (message.type === "getState") {
        reply({ run, buffers: [], state: this.#generator(message.generator).getState() }, []);
      } else if (message.type === "stats") {
        reply({ run, buffers: [], stats: this.#stats() }, []);
      }
    } catch (error) {
      reply({ run, buffers: [], error: describe(error) }, []);
    }
  }

  #generator(id: number): Mt19937 {
    let g = this.#generators.get(id);
    if (!g) this.#generators.set(id, (g = new Mt19937()));
    return g;
  }

  /** A resident buffer to send: the buffer itself when it leaves, else a copy. */
  #take(id: BufferId, leaves: boolean): HostArray {
    const failed = this.#failed.get(id);
    if (failed) throw new Failure(failed);
    const slot = this.#resident.get(id);
    if (!slot) throw new Error(`buffer ${String(id)} is not resident`);
    if (leaves) this.#forget(id);
    return leaves ? slot.data : (slot.data.slice() as HostArray);
  }

  #forget(id: BufferId): void {
    this.#resident.delete(id);
    this.#failed.delete(id);
  }

  async #run({ run, program, feeds, wants }: RunMessage, reply: Reply): Promise<void> {
    this.#runs++;
    const buffers: { id: BufferId; data: HostArray }[] = [];
    let error: EngineFailure | undefined;
    try {
      const runner = this.#programs.get(program);
      if (!runner) throw new Error(`program ${String(program)} is not loaded`);
      const inputs = feeds.map((f) => this.#feed(f));
      const outputs = await runner.run(
        inputs,
        feeds.map((f) => f.shape),
      );
      const sent = new Set<ArrayBuffer>(inputs.map((s) => s.data.buffer));
      wants.forEach(({ id, return: back }, i) => {
        let data = outputs[i]!;
        // One buffer has one owner: an output that is also an input or another output is copied.
        if (sent.has(data.buffer) || data.byteLength !== data.buffer.byteLength)
          data = data.slice() as HostArray;
        sent.add(data.buffer);
        if (back) buffers.push({ id, data });
        else this.#resident.set(id, { data });
      });
    } catch (e) {
      error = describe(e);
      for (const { id, return: back } of wants) if (!back) this.#failed.set(id, error);
    }
    for (const f of feeds) {
      if (!("id" in f) || f.id === null || f.after === "keep") continue;
      const slot = this.#resident.get(f.id);
      if (slot && f.after === "return") buffers.push({ id: f.id, data: slot.data });
      this.#forget(f.id);
    }
    const message: FromEngine = error ? { run, buffers, error } : { run, buffers };
    reply(
      message,
      buffers.map((b) => b.data.buffer),
    );
  }

  #feed(f: Feed): Slot {
    if ("data" in f) {
      const slot: Slot = { data: f.data };
      if (f.id !== null) this.#resident.set(f.id, slot);
      return slot;
    }
    const failed = this.#failed.get(f.id);
    if (failed) throw new Failure(failed);
    const slot = this.#resident.get(f.id);
    if (!slot) throw new Error(`buffer ${String(f.id)} is not resident`);
    return slot;
  }

  #stats() {
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
  return known ? { message: e.message, errorClass: known } : { message: e.message || String(error) };
}
