/** Numbers and shapes as lenses, trees and tips write them. Pure. */
import type { SnapshotShape, ValueShape } from "../kernel/protocol.js";

const units = [
  [1e12, " T"],
  [1e9, " G"],
  [1e6, " M"],
  [1e3, " k"],
] as const;

/** Two to three digits and a unit: `61.7 k`, `0.42 M`; whole numbers below a hundred as they are. */
export function short(count: number): string {
  for (const [size, unit] of units) {
    const value = count / size;
    if (value < 0.1 || (size === 1e3 && value < 1)) continue;
    return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0) + unit;
  }
  return String(count);
}

/** `0.42 ms`, `12 ms`, `3.4 s`, `2 min 05 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(milliseconds < 1 ? 2 : 1)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** `[1,28,28]`: without blanks where room is scarce. */
export function tight(shape: SnapshotShape): string {
  return `[${shape.join(",")}]`;
}

/** `[1, 28, 28]`. */
export function spaced(shape: SnapshotShape): string {
  return `[${shape.join(", ")}]`;
}

/** Several values in one piece: `[1,10]`, `[2,8] [2,4]`; from the third on only how many more there are. */
export function shapes(values: readonly ValueShape[]): string {
  const shown = values.slice(0, 2).map(({ shape }) => tight(shape));
  if (values.length > 2) shown.push(`+${values.length - 2}`);
  return shown.join(" ");
}

/** A number as statistics show it: four significant digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-4 ? value.toExponential(3) : String(Number(value.toPrecision(4)));
}

/** The first line of a message, cut to `length`. */
export function firstLine(message: string, length = 80): string {
  const line = message.split("\n", 1)[0]!.trim();
  return line.length <= length ? line : `${line.slice(0, length - 1).trimEnd()}…`;
}
