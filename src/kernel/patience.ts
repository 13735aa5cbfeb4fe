import * as os from "node:os";

/**
 * How much longer than on an idle machine a computation may take before it is called endless: the share of a
 * processor that is to be had, from the load of the last minute (1 where the system does not tell, at most 8).
 */
export function patience(): number {
  return Math.min(8, Math.max(1, os.loadavg()[0]! / os.availableParallelism()));
}
