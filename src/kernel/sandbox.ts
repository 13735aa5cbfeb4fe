/**
 * Globals while a trace evaluates: the console is captured, and processes, the network and timers are out of reach.
 * This is for accidents, not for enemies: nothing runs in an untrusted workspace.
 */
import { formatWithOptions } from "node:util";
import { foreignModule, NeedsRunError } from "./foreign.js";
import type { ConsoleEvent } from "./protocol.js";

type Print = (level: ConsoleEvent["level"], text: string) => void;

const levels = {
  log: "log",
  info: "info",
  warn: "warn",
  error: "error",
  debug: "debug",
  dir: "log",
  trace: "debug",
} as const;

/** A console that hands its lines to `print`. */
export function capturedConsole(print: Print): Console {
  const format = (items: readonly unknown[]): string => formatWithOptions({ colors: false }, ...items);
  const methods: Record<string, (...items: unknown[]) => void> = {};
  for (const [method, level] of Object.entries(levels)) {
    methods[method] = (...items) => print(level, format(items));
  }
  methods["assert"] = (condition, ...items) => {
    if (!condition) print("error", `Assertion failed${items.length > 0 ? `: ${format(items)}` : ""}`);
  };
  methods["table"] = (...items) => print("log", format(items));
  return new Proxy(console, {
    get: (target, key) =>
      typeof key === "string" && key in methods
        ? methods[key]
        : typeof target[key as keyof Console] === "function"
          ? () => undefined
          : target[key as keyof Console],
  });
}

/** What may be asked of `process`; everything else needs ▶. */
const readable = new Set<string | symbol>([
  "arch",
  "cpuUsage",
  "cwd",
  "emitWarning",
  "features",
  "hrtime",
  "memoryUsage",
  "nextTick",
  "off",
  "pid",
  "platform",
  "release",
  "uptime",
  "version",
  "versions",
]);
const ignored = new Set<string | symbol>([
  "on",
  "once",
  "addListener",
  "removeListener",
  "emit",
  "setMaxListeners",
]);

function quietProcess(print: Print): NodeJS.Process {
  const stream = (level: "log" | "error") => ({
    write: (text: unknown) => (print(level, String(text).replace(/\n$/, "")), true),
    isTTY: false,
    columns: 80,
  });
  const own: Record<string | symbol, unknown> = {
    argv: [process.execPath],
    execArgv: [],
    env: { ...process.env },
    stdout: stream("log"),
    stderr: stream("error"),
  };
  const stub: NodeJS.Process = new Proxy(process, {
    get(target, key) {
      if (key in own) return own[key];
      if (ignored.has(key)) return () => stub;
      if (!readable.has(key)) return typeof key === "symbol" ? undefined : foreignModule(`process.${key}`);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value as (...a: unknown[]) => unknown).bind(target) : value;
    },
    set(_, key, value) {
      if (key !== "exitCode" && key !== "title")
        throw new NeedsRunError(`process.${String(key)} is set only on ▶`);
      own[key] = value;
      return true;
    },
  });
  return stub;
}

const forbidden = [
  "fetch",
  "WebSocket",
  "EventSource",
  "BroadcastChannel",
  "setTimeout",
  "setInterval",
  "setImmediate",
];

/** Runs `body` with those globals and puts the real ones back. */
export function inSandbox<T>(print: Print, body: () => T): T {
  const replaced: Record<string, unknown> = { console: capturedConsole(print), process: quietProcess(print) };
  for (const name of forbidden) if (name in globalThis) replaced[name] = foreignModule(name);
  const saved = Object.keys(replaced).map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  for (const [name, value] of Object.entries(replaced)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
  }
  try {
    return body();
  } finally {
    for (const [name, descriptor] of saved) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  }
}
