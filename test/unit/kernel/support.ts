/** Real kernels on real files: a project in a temporary folder, and a supervisor over the built entries. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import type { KernelEvent, TraceReply } from "../../../src/kernel/protocol.js";
import { KernelSupervisor, type SupervisorOptions } from "../../../src/kernel/supervisor.js";

const entry = (name: string): string =>
  fileURLToPath(new URL(`../../../src/kernel/${name}.entry.js`, import.meta.url));

/** A folder with these files; removed when disposed of. */
export class Project implements Disposable {
  readonly folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-")));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  write(name: string, text: string): string {
    const file = this.path(name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  }

  exists(name: string): boolean {
    return fs.existsSync(this.path(name));
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A supervisor that remembers its events. */
export class Kernel implements Disposable {
  readonly events: KernelEvent[] = [];
  readonly supervisor: KernelSupervisor;
  #version = 0;

  constructor(options: Partial<SupervisorOptions> = {}) {
    this.supervisor = new KernelSupervisor({
      entries: { tracer: entry("tracer"), runner: entry("runner") },
      ...options,
    });
    this.supervisor.onEvent((event) => this.events.push(event));
  }

  /** Events of one type, in order. */
  of<T extends KernelEvent["type"]>(type: T): Extract<KernelEvent, { readonly type: T }>[] {
    return this.events.filter(
      (event): event is Extract<KernelEvent, { readonly type: T }> => event.type === type,
    );
  }

  /** Traces a file as it is on disk, or with these texts on top. */
  trace(
    file: string,
    overlay: Readonly<Record<string, string>> = {},
    calls?: Record<string, number>,
  ): Promise<TraceReply> {
    const version = ++this.#version;
    return this.supervisor.trace({
      type: "trace",
      file,
      overlay: Object.entries(overlay).map(([name, text]) => ({ file: name, version, text })),
      ...(calls === undefined ? {} : { calls }),
    });
  }

  /** Waits until an event satisfies `test`. */
  async until(test: (event: KernelEvent) => boolean, milliseconds = 60_000): Promise<KernelEvent> {
    const known = this.events.find(test);
    if (known !== undefined) return known;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("The event did not come")), milliseconds);
      const stop = this.supervisor.onEvent((event) => {
        if (!test(event)) return;
        clearTimeout(timer);
        stop();
        resolve(event);
      });
    });
  }

  [Symbol.dispose](): void {
    this.supervisor.dispose();
  }
}

/** Hints as `line:column text`, lines from one as people count. */
export function hintsOf(reply: TraceReply, file = reply.file): string[] {
  return reply.hints
    .filter((hint) => hint.file === file)
    .toSorted((a, b) => a.position.line - b.position.line || a.position.column - b.position.column)
    .map(({ position, text }) => `${position.line + 1}:${position.column} ${text}`);
}
