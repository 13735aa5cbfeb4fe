/** What a loading thread knows of itself. */
export interface WorkerInfo {
  readonly id: number;
  readonly numWorkers: number;
  /** The seed of this worker's default generator. */
  readonly seed: number | bigint;
  /** This worker's copy; nothing while the program is being loaded. */
  readonly dataset: unknown;
}

let info: WorkerInfo | null = null;

/**
 * In a worker of a loader, which one it is: an `IterableDataset` gives its share by it. `null` anywhere else.
 *
 *     const info = data.getWorkerInfo();
 *     for (let i = info?.id ?? 0; i < this.length; i += info?.numWorkers ?? 1) yield this.read(i);
 *
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.get_worker_info
 */
export function getWorkerInfo(): WorkerInfo | null {
  return info;
}

export function setWorkerInfo(value: WorkerInfo): void {
  info = value;
}
