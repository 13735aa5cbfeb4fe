/** Figures of a training run, one series per tag: the points of its curves. */
import { Tensor } from "../tensor/tensor.js";

export interface ReportedPoint {
  readonly tag: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly wallTime: number;
}

export type ReportSink = (point: ReportedPoint) => void;

const steps = new Map<string, number>();
const ignore: ReportSink = () => undefined;
let sink: ReportSink = ignore;

/** Sends all points to `to` and begins counting steps anew; `undefined` drops them. */
export function setReportSink(to: ReportSink | undefined): void {
  sink = to ?? ignore;
  steps.clear();
}

/**
 * Adds a point to the curve `tag`: `report("loss", loss)`, `report("accuracy/test", accuracy, step)`. A tensor of one
 * element is read. Without `step`, each tag counts its own from 0. In an editor the curve grows while the loop runs.
 */
export function report(tag: string, value: number | Tensor, step?: number): void {
  const number = value instanceof Tensor ? Number(value.item()) : value;
  if (typeof number !== "number")
    throw new TypeError(`report("${tag}"): the value must be a number or a tensor`);
  const at = step ?? steps.get(tag) ?? 0;
  steps.set(tag, at + 1);
  sink({ tag, value: number, step: at, wallTime: Date.now() });
}
