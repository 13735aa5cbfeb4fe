import type { SummaryValue } from "./event.js";

/**
 * The number that a summary shows as a point of a curve: a plain value, or a tensor of one number that no other plugin
 * claims, as newer writers have it.
 */
export function scalarOf(value: SummaryValue): number | undefined {
  if (value.plugin !== undefined && value.plugin !== "" && value.plugin !== "scalars") return undefined;
  if (value.simpleValue !== undefined) return value.simpleValue;
  const { numbers } = value.tensor ?? {};
  return numbers?.length === 1 ? numbers[0] : undefined;
}

/** Which of TensorBoard's views a summary is for, also where the writer did not say. */
export function pluginOf(value: SummaryValue): string {
  if (value.plugin !== undefined && value.plugin !== "") return value.plugin;
  if (value.histogram !== undefined) return "histograms";
  if (value.image !== undefined) return "images";
  if (value.audio !== undefined) return "audio";
  return scalarOf(value) === undefined ? "" : "scalars";
}
