/**
 * The messages between the extension host and the webviews, and the channel that carries them. Pure: both sides
 * import this file.
 *
 * Every view begins the same way. The page loads, the webview sends `ready`, the host answers with `init` (locale
 * and strings, see `strings/index.ts`) and then with the view's data. A page that was reloaded sends `ready` again
 * and expects `init` and the data again. `failed` reports an exception nobody caught.
 *
 * **modules**: the host sends `snapshot` whenever the model changes (null with a `problem` when there is none), and
 * `select` to follow a selection made elsewhere. The view sends `reveal` when a row is clicked or Enter pressed; its
 * location may be absent, then the host decides what to do with the path.
 *
 * **curves**: the host sends `reset` (forget all runs), then `runState` and `append` in any order and at any rate;
 * the view draws at most once a frame. A point whose step is not beyond the last of its series replaces the points
 * from that step on (a run resumed from a checkpoint); `cut` drops them in all series of a run. Non-finite values travel as text (`encodeValue`), because
 * JSON has none. The view sends `cancel` for a run, and the request `saveText` (CSV), answered after the save
 * dialog. If the host has no data for a restored page it sends nothing: the view shows what it saved.
 *
 * **calculator**: works without any data from the host. The host may send `configure` to load a layer (the one under
 * the cursor). The view sends the request `copyText` (the layer as code).
 */
import type { Conv2dOptions, ImageShape, MaxPool2dOptions, Pair } from "../../runtime/inspect/arithmetic.js";
import type { ModelSnapshot, SourceLocation } from "../../runtime/inspect/snapshot.js";

export type ViewName = "modules" | "curves" | "calculator";

/** Texts by key; see `strings/`. `{name}` marks a place for a value. */
export type StringTable = Readonly<Record<string, string>>;

/** A message that wants an answer of type `R`. The field is never set: it only carries the type. */
export interface Request<R> {
  readonly reply?: R;
}

/** What a request is answered with; `void` for plain messages. */
export type ReplyOf<M> = "reply" extends keyof M ? Exclude<M["reply"], undefined> : void;

/** Anything with a `type` that tells it from the others. */
export interface Message {
  readonly type: string;
}

// Both ways, every view

export interface ReadyMessage {
  readonly type: "ready";
}

export interface FailedMessage {
  readonly type: "failed";
  readonly message: string;
  readonly stack?: string;
}

export interface InitMessage {
  readonly type: "init";
  /** A BCP 47 tag: `en`, `zh-cn`. Numbers and dates are written by it. */
  readonly locale: string;
  /** Texts in that language; keys that are missing stay English. */
  readonly strings: StringTable;
}

// modules

export interface SnapshotMessage {
  readonly type: "snapshot";
  readonly snapshot: ModelSnapshot | null;
  /** Why there is no snapshot, or why it may be out of date. */
  readonly problem?: string;
}

export interface SelectMessage {
  readonly type: "select";
  /** A module's path, `""` for the root. */
  readonly path: string;
}

export interface RevealMessage {
  readonly type: "reveal";
  readonly path: string;
  readonly location?: SourceLocation;
}

// curves

/** A finite number, or the name of one that is not; null is read as `NaN`. */
export type WireNumber = number | "NaN" | "Infinity" | "-Infinity" | null;

export interface CurvePoint {
  readonly run: string;
  /** `loss`, `accuracy/train`, …; one chart per tag. */
  readonly tag: string;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly wallTime: number;
  readonly value: WireNumber;
}

export interface AppendMessage {
  readonly type: "append";
  readonly points: readonly CurvePoint[];
}

/** A run began again at a step: what it had from there on is void. */
export interface CutMessage {
  readonly type: "cut";
  readonly run: string;
  readonly step: number;
}

export interface ResetMessage {
  readonly type: "reset";
}

export type RunPhase = "starting" | "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";

export interface RunStateMessage {
  readonly type: "runState";
  readonly run: string;
  readonly phase: RunPhase;
  /** Steps finished. */
  readonly step?: number;
  /** Steps in all, when known. */
  readonly total?: number;
  readonly stepsPerSecond?: number;
  /** Seconds left, when known. */
  readonly eta?: number;
  /** For example why it failed. */
  readonly message?: string;
  /** Whether the run can be cancelled from here; running ones can, unless this says false. */
  readonly cancellable?: boolean;
}

export interface CancelMessage {
  readonly type: "cancel";
  readonly run: string;
}

export interface SaveTextRequest extends Request<{ readonly saved: boolean }> {
  readonly type: "saveText";
  /** Proposed file name with extension. */
  readonly fileName: string;
  readonly text: string;
}

// calculator

export interface Conv2dSettings extends Conv2dOptions {
  readonly kind: "Conv2d";
  /** N, C, H, W. */
  readonly input: ImageShape;
  readonly bias: boolean;
}

export interface MaxPool2dSettings extends Omit<MaxPool2dOptions, "stride"> {
  readonly kind: "MaxPool2d";
  /** N, C, H, W. */
  readonly input: ImageShape;
  /** null: the kernel's size, as in PyTorch. */
  readonly stride: Pair | null;
}

export type LayerSettings = Conv2dSettings | MaxPool2dSettings;

export interface ConfigureMessage {
  readonly type: "configure";
  readonly layer: LayerSettings;
}

export interface CopyTextRequest extends Request<{ readonly copied: boolean }> {
  readonly type: "copyText";
  readonly text: string;
}

// What each side may send, per view

export type ModulesToWebview = InitMessage | SnapshotMessage | SelectMessage;
export type ModulesToHost = ReadyMessage | FailedMessage | RevealMessage;
export type CurvesToWebview = InitMessage | ResetMessage | AppendMessage | CutMessage | RunStateMessage;
export type CurvesToHost = ReadyMessage | FailedMessage | CancelMessage | SaveTextRequest;
export type CalculatorToWebview = InitMessage | ConfigureMessage;
export type CalculatorToHost = ReadyMessage | FailedMessage | CopyTextRequest;

/** A value as it travels: JSON turns non-finite numbers into null, so they go by name. */
export function encodeValue(value: number): WireNumber {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** The number that `encodeValue` wrote. */
export function decodeValue(value: WireNumber): number {
  return value === null ? NaN : Number(value);
}

/** The raw connection under a channel: `webview.postMessage` and its event, or the page's `window`. */
export interface Endpoint {
  post(message: unknown): void;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (message: unknown) => void): () => void;
}

interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}

type Wire =
  | { readonly tensorscope: "message"; readonly id?: number; readonly message: Message }
  | { readonly tensorscope: "reply"; readonly to: number; readonly value: unknown }
  | { readonly tensorscope: "error"; readonly to: number; readonly error: WireError };

function isWire(data: unknown): data is Wire {
  return typeof data === "object" && data !== null && "tensorscope" in data;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** The other side answered a request with an error; `name` and `message` are those of the original. */
export class RemoteError extends Error {
  /** The stack on the other side. */
  readonly remoteStack: string | undefined;

  constructor(error: WireError) {
    super(error.message);
    this.name = error.name;
    this.remoteStack = error.stack;
  }
}

/** No answer came in time, or the channel was closed while waiting. */
export class ChannelError extends Error {
  override name = "ChannelError";
}

export interface RequestOptions {
  /** Milliseconds to wait; default 10 000, `Infinity` for requests that wait on a person. */
  readonly timeout?: number;
}

type Handler<M> = (message: M) => ReplyOf<M> | Promise<ReplyOf<M>>;

/**
 * One end of a conversation: sends messages of type `Out`, handles those of type `In`. Requests come back as
 * promises; what the other side throws rejects them here.
 *
 * ```ts
 * const channel = new Channel<CurvesToWebview, CurvesToHost>(endpoint);
 * channel.on("cancel", ({ run }) => runner.cancel(run));
 * channel.send({ type: "append", points });
 * ```
 */
export class Channel<Out extends Message, In extends Message> {
  readonly #endpoint: Endpoint;
  readonly #handlers = new Map<string, (message: never) => unknown>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #unsubscribe: () => void;
  #nextId = 1;
  #closed = false;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#unsubscribe = endpoint.subscribe((data) => {
      if (isWire(data)) void this.#receive(data);
    });
  }

  /** Sets the one handler for a message type; for a request its result (or error) is the answer. */
  on<T extends In["type"]>(type: T, handler: Handler<Extract<In, { readonly type: T }>>): void {
    this.#handlers.set(type, handler as (message: never) => unknown);
  }

  /** Sends a message and does not wait. After `close` it does nothing. */
  send(message: Out): void {
    if (!this.#closed) this.#endpoint.post({ tensorscope: "message", message } satisfies Wire);
  }

  /** Sends a request and waits for its answer. */
  request<T extends Out["type"]>(
    message: Out & { readonly type: T },
    options: RequestOptions = {},
  ): Promise<ReplyOf<Extract<Out, { readonly type: T }>>> {
    const timeout = options.timeout ?? 10_000;
    if (this.#closed) return Promise.reject(new ChannelError(`"${message.type}": the channel is closed`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = Number.isFinite(timeout)
        ? setTimeout(() => {
            this.#waiting.delete(id);
            reject(new ChannelError(`"${message.type}": no answer within ${timeout} ms`));
          }, timeout)
        : undefined;
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      this.#endpoint.post({ tensorscope: "message", id, message } satisfies Wire);
    });
  }

  /** Ends the conversation: open requests are rejected, later messages ignored. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new ChannelError("the channel was closed"));
    }
    this.#waiting.clear();
  }

  async #receive(wire: Wire): Promise<void> {
    if (this.#closed) return;
    if (wire.tensorscope === "message") {
      const { id, message } = wire;
      const handler = this.#handlers.get(message.type);
      if (id === undefined) {
        await handler?.(message as never);
        return;
      }
      try {
        if (handler === undefined) throw new ChannelError(`"${message.type}": nobody handles this request`);
        const value: unknown = await handler(message as never);
        if (!this.#closed) this.#endpoint.post({ tensorscope: "reply", to: id, value } satisfies Wire);
      } catch (error) {
        const { name, message: text, stack } = error instanceof Error ? error : new Error(String(error));
        const wireError = { name, message: text, stack };
        if (!this.#closed) {
          this.#endpoint.post({ tensorscope: "error", to: id, error: wireError } satisfies Wire);
        }
      }
      return;
    }
    const waiting = this.#waiting.get(wire.to);
    if (waiting === undefined) return;
    this.#waiting.delete(wire.to);
    clearTimeout(waiting.timer);
    if (wire.tensorscope === "reply") waiting.resolve(wire.value);
    else waiting.reject(new RemoteError(wire.error));
  }
}
