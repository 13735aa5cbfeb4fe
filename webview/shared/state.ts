import type { Endpoint } from "./protocol.js";

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

// It can be acquired once only per page.
const vscode = acquireVsCodeApi();

/** The page's end of the connection to the host. */
export const hostEndpoint: Endpoint = {
  post: (message) => vscode.postMessage(message),
  subscribe(listener) {
    const onMessage = (event: MessageEvent<unknown>) => listener(event.data);
    window.addEventListener("message", onMessage);
    return () => window.removeEventListener("message", onMessage);
  },
};

/** What a view remembers over reloads: kept by VS Code for the panel, as JSON. */
export class ViewState<T extends object> {
  #value: T;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts with what was saved; fields that were not take the defaults. */
  constructor(defaults: T) {
    const saved = vscode.getState();
    this.#value = typeof saved === "object" && saved !== null ? { ...defaults, ...saved } : { ...defaults };
  }

  get value(): Readonly<T> {
    return this.#value;
  }

  /** Changes some fields; saving follows within a quarter of a second. */
  set(change: Partial<T>): void {
    this.#value = { ...this.#value, ...change };
    this.#timer ??= setTimeout(() => this.flush(), 250);
  }

  /** Saves now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    vscode.setState(this.#value);
  }
}
