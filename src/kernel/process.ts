/** One kernel process under watch: started when needed, asked with time limits, explained when it dies. */
import { fork, type ChildProcess } from "node:child_process";
import {
  KernelError,
  protocolVersion,
  type FromKernel,
  type HelloEvent,
  type KernelEvent,
  type KernelName,
  type KernelRequest,
  type ReplyTo,
  type ToKernel,
  type WireError,
} from "./protocol.js";
import { recycleCode, wireError } from "./wire.js";

export interface ProcessOptions {
  readonly name: KernelName;
  /** The entry's JavaScript file. */
  readonly entry: string;
  /** A Node 20 or newer; default: the one that runs this code (in Electron, as Node). */
  readonly nodePath?: string | undefined;
  readonly cwd?: string | undefined;
  readonly args?: readonly string[];
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until `hello` must have come. */
  readonly startTimeout?: number;
  readonly onEvent: (event: KernelEvent) => void;
  /** The process ended without being asked to; its requests have been rejected with this error. */
  readonly onDeath: (error: WireError) => void;
  /** The process asked to be replaced, its answers given. */
  readonly onRecycle: () => void;
}

export interface RequestLimits {
  /** Milliseconds from sending; then the process is killed. */
  readonly timeout?: number;
  /** What the error says then. */
  readonly timeoutMessage?: string;
}

interface Waiting {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: KernelError) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

const kept = 4000;
/** Starts that fail one after the other before the process is given up until it is asked for again. */
const patience = 3;

/** Says in a sentence how a process ended. */
export function describeDeath(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  if (/heap out of memory|Allocation failed|ERR_WORKER_OUT_OF_MEMORY/.test(stderr))
    return "ran out of memory";
  switch (signal) {
    case "SIGSEGV":
    case "SIGBUS":
    case "SIGILL":
    case "SIGFPE":
      return `crashed in native code (${signal})`;
    case "SIGABRT":
      return `was aborted by native code (${signal})`;
    case "SIGKILL":
      return "was killed from outside, which is what the system does when memory runs out";
    case null:
      return code === 0 ? "ended by itself" : `ended with exit code ${code}${lastLine(stderr)}`;
    default:
      return `was ended by ${signal}`;
  }
}

function lastLine(stderr: string): string {
  const line = /^\w*Error\b.*$/m.exec(stderr)?.[0];
  return line === undefined ? "" : ` (${line})`;
}

/** A child process that speaks the kernel protocol. Requests wait for its `hello`; a dead one starts anew. */
export class KernelProcess {
  readonly #options: ProcessOptions;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #ready: Promise<HelloEvent> | undefined;
  #hello: HelloEvent | undefined;
  /** Fails the start that is under way. */
  #failStart: ((error: WireError) => void) | undefined;
  #nextId = 1;
  #failedStarts = 0;
  #disposed = false;
  #stderr = "";

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What the running process said of itself. */
  get hello(): HelloEvent | undefined {
    return this.#hello;
  }

  /** Requests not answered yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Starts the process if it does not run; resolves when it can be asked. */
  start(): Promise<HelloEvent> {
    if (this.#disposed)
      return Promise.reject(new KernelError(wireError("disposed", "The kernel was shut down")));
    return (this.#ready ??= this.#spawn());
  }

  /** Sends a request and waits for its answer. */
  async request<R extends KernelRequest>(request: R, limits: RequestLimits = {}): Promise<ReplyTo<R>> {
    await this.start();
    const child = this.#child;
    if (child === undefined)
      throw new KernelError(wireError("died", `The ${this.#options.name} is not running`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const { timeout, timeoutMessage } = limits;
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(() => {
              const message = timeoutMessage ?? `No answer to "${request.type}" within ${timeout} ms`;
              this.kill(wireError("timeout", message));
            }, timeout);
      this.#waiting.set(id, { resolve: resolve as (reply: never) => void, reject, timer });
      const message: ToKernel = { id, request };
      // A failed send means that the process is going; its exit rejects the request with the reason.
      child.send(message, () => undefined);
    });
  }

  /** Ends the process now; its open requests fail with `error`. The next request starts a new one. */
  kill(error: WireError = wireError("died", `The ${this.#options.name} was restarted`)): void {
    const child = this.#child;
    this.#forget();
    if (child !== undefined) child.kill("SIGKILL");
    this.#failStart?.(error);
    this.#rejectAll(error);
  }

  /** Ends the process for good. */
  dispose(): void {
    this.#disposed = true;
    this.kill(wireError("disposed", "The kernel was shut down"));
  }

  #forget(): void {
    this.#child?.removeAllListeners();
    // A killed child may still fail to take a message: that error has nobody to tell.
    this.#child?.on("error", () => undefined);
    this.#child = undefined;
    this.#ready = undefined;
    this.#hello = undefined;
  }

  #rejectAll(error: WireError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(new KernelError(error));
    }
  }

  #spawn(): Promise<HelloEvent> {
    const {
      name,
      entry,
      nodePath,
      cwd,
      args = [],
      execArgv = [],
      env,
      startTimeout = 60_000,
    } = this.#options;
    const asNode = nodePath === undefined && process.versions["electron"] !== undefined;
    const child = fork(entry, args, {
      ...(nodePath === undefined ? {} : { execPath: nodePath }),
      execArgv: [...execArgv],
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env, ...(asNode ? { ELECTRON_RUN_AS_NODE: "1" } : {}) },
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    this.#stderr = "";
    this.#follow(child);
    return new Promise((resolve, reject) => {
      const fail = (error: WireError): void => {
        clearTimeout(timer);
        this.#failStart = undefined;
        this.#failedStarts++;
        reject(new KernelError(error));
      };
      this.#failStart = fail;
      const timer = setTimeout(() => {
        const error = wireError("timeout", `The ${name} did not start within ${startTimeout / 1000} s`);
        this.kill(error);
      }, startTimeout);
      child.on("message", (message) => {
        const wire = message as FromKernel;
        if (!("event" in wire) || wire.event.type !== "hello") return this.#receive(wire);
        const hello = wire.event;
        if (hello.protocol !== protocolVersion) {
          const error = wireError(
            "protocol",
            `The ${name} of tensorscope ${hello.library} speaks protocol ${hello.protocol}, this extension ` +
              `${protocolVersion}: update the older of the two`,
          );
          return this.kill(error);
        }
        clearTimeout(timer);
        this.#failStart = undefined;
        this.#failedStarts = 0;
        this.#hello = hello;
        this.#options.onEvent(hello);
        resolve(hello);
      });
      child.on("error", (error) => {
        const wire = wireError("died", `The ${name} could not be started: ${error.message}`);
        this.#forget();
        fail(wire);
        this.#died(wire);
      });
      child.on("exit", (code, signal) => {
        // The pipes may still hold the last words (out of memory is told there).
        setImmediate(() => {
          if (this.#child !== child) return;
          const started = this.#hello !== undefined;
          const text = `The ${name} process ${describeDeath(code, signal, this.#stderr)}`;
          const error = wireError(
            "died",
            started ? text : `${text} while starting\n${this.#stderr}`.trimEnd(),
          );
          this.#forget();
          if (code === recycleCode) {
            this.#rejectAll(error);
            this.#options.onRecycle();
            return;
          }
          if (!started) fail(error);
          this.#died(error);
        });
      });
    });
  }

  #died(error: WireError): void {
    this.#rejectAll(error);
    if (!this.#disposed) this.#options.onDeath(error);
  }

  /** False after several failed starts in a row: starting again would fail again. */
  get worthRestarting(): boolean {
    return !this.#disposed && this.#failedStarts < patience;
  }

  #receive(wire: FromKernel): void {
    if ("event" in wire) return this.#options.onEvent(wire.event);
    const waiting = this.#waiting.get(wire.id);
    if (waiting === undefined) return;
    this.#waiting.delete(wire.id);
    clearTimeout(waiting.timer);
    if (wire.last === true) {
      // It ends by itself; the next request finds another process.
      this.#forget();
      this.#options.onRecycle();
    }
    if ("error" in wire) waiting.reject(new KernelError(wire.error));
    else waiting.resolve(wire.reply as never);
  }

  /** What the process writes by itself (Node's warnings, native libraries) is console output too. */
  #follow(child: ChildProcess): void {
    for (const [stream, level] of [
      [child.stdout, "log"],
      [child.stderr, "error"],
    ] as const) {
      stream?.setEncoding("utf8");
      stream?.on("data", (chunk: string) => {
        if (level === "error") this.#stderr = (this.#stderr + chunk).slice(-kept);
        const text = chunk.replace(/\r?\n$/, "");
        this.#options.onEvent({ type: "console", kernel: this.#options.name, level, text });
      });
    }
  }
}
