/** Loops that tell how far they are: steps, rate, time left. Where to is the sink's affair: a terminal, an editor. */

/** The state of one loop. */
export interface ProgressState {
  /** Tells the loops of a program apart. */
  readonly id: number;
  /** How many other loops this one runs in. */
  readonly depth: number;
  readonly desc: string;
  /** Iterations finished. */
  readonly step: number;
  readonly total: number | undefined;
  /** Iterations a second, over the last few. */
  readonly rate: number | undefined;
  /** Seconds left. */
  readonly eta: number | undefined;
  /** No more iterations will come: the end, a `break`, or an exception. */
  readonly done: boolean;
}

/** Called at the start of a loop, after every iteration, and at the end. May throw to stop the loop. */
export type ProgressSink = (state: ProgressState) => void;

export interface ProgressOptions {
  /** Iterations in all; found by itself for arrays, sets, maps and anything with a `length` or a `size`. */
  readonly total?: number;
  /** What the loop is called. */
  readonly desc?: string;
}

let nextId = 1;
let depth = 0;
let sink: ProgressSink = terminalProgress();

/** Sends the progress of all loops to `to`; `undefined` gives it back to the terminal. */
export function setProgressSink(to: ProgressSink | undefined): void {
  sink = to ?? terminalProgress();
}

function sizeOf(iterable: object): number | undefined {
  const { length, size } = iterable as { readonly length?: unknown; readonly size?: unknown };
  return typeof length === "number" ? length : typeof size === "number" ? size : undefined;
}

/**
 * Loops over anything iterable and shows how far it is: `for (const batch of progress(loader, { desc: "epoch 1" }))`.
 * A number `n` counts from 0 to n − 1.
 */
export function* progress<T = number>(
  iterable: Iterable<T> | number,
  { total, desc = "" }: ProgressOptions = {},
): Generator<T, void, undefined> {
  const items = typeof iterable === "number" ? (count(iterable) as Iterable<T>) : iterable;
  const all = total ?? (typeof iterable === "number" ? iterable : sizeOf(iterable));
  const id = nextId++;
  const level = depth++;
  let step = 0;
  let last = performance.now();
  let seconds: number | undefined;
  const tell = (done: boolean): void => {
    const eta = seconds === undefined || all === undefined ? undefined : Math.max(0, (all - step) * seconds);
    const rate = seconds === undefined || seconds === 0 ? undefined : 1 / seconds;
    sink({ id, depth: level, desc, step, total: all, rate, eta, done });
  };
  tell(false);
  try {
    for (const item of items) {
      yield item;
      step++;
      const now = performance.now();
      const took = (now - last) / 1000;
      last = now;
      // The first iterations compile; a moving average forgets them.
      seconds = seconds === undefined || step <= 3 ? took : 0.9 * seconds + 0.1 * took;
      tell(false);
    }
  } finally {
    depth--;
    tell(true);
  }
}

function* count(n: number): Generator<number> {
  for (let i = 0; i < n; i++) yield i;
}

/** `1:05`, `2:03:10`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const part = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${part(minutes)}:${part(whole % 60)}` : `${minutes}:${part(whole % 60)}`;
}

/** One line: `epoch 1  43 % |████      | 430/1000 · 85.2/s · 0:07 left`. */
export function formatProgress({ desc, step, total, rate, eta, done }: ProgressState, note = ""): string {
  const share = total === undefined || total === 0 ? undefined : Math.min(1, step / total);
  const filled = share === undefined ? 0 : Math.floor(share * 20);
  const bar =
    share === undefined
      ? `${step}`
      : `${String(Math.floor(share * 100)).padStart(3)} % |${"█".repeat(filled)}${" ".repeat(20 - filled)}| ${step}/${total}`;
  return [
    `${desc === "" ? "" : `${desc}  `}${bar}`,
    ...(rate === undefined
      ? []
      : [rate >= 1 || rate === 0 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)} s each`]),
    ...(eta === undefined || done ? [] : [`${formatDuration(eta)} left`]),
    ...(note === "" ? [] : [note]),
  ].join(" · ");
}

/**
 * Draws on a terminal, one line that is written over; where there is no terminal (a log), one line per loop at its end.
 * @param note is put behind the line: the last loss.
 */
export function terminalProgress(
  stream: NodeJS.WriteStream = process.stderr,
  note: () => string = () => "",
): ProgressSink {
  let drawnAt = 0;
  let drawnId = 0;
  return (state) => {
    const isLive = stream.isTTY === true;
    if (!isLive) {
      if (state.done && state.depth === 0) stream.write(`${formatProgress(state, note())}\n`);
      return;
    }
    const now = performance.now();
    if (!state.done && state.id === drawnId && now - drawnAt < 100) return;
    drawnAt = now;
    drawnId = state.id;
    const line = formatProgress(state, note()).slice(0, Math.max(20, (stream.columns ?? 80) - 1));
    stream.write(`\r\u001b[2K${line}${state.done ? "\n" : ""}`);
  };
}
