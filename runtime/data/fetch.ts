/** How a loader gets a batch, on the thread of the caller or on one of its own. */
import { Dataset, IterableDataset, sampleAt, type MapStyle } from "./dataset.js";
import { defaultCollate } from "./collate.js";

/** The indices of a batch, or of one sample where there are no batches. */
export type Wanted = readonly number[] | number;

export interface FetchOptions {
  readonly dataset: MapStyle<unknown> | IterableDataset<unknown>;
  readonly collateFn: (samples: unknown[]) => unknown;
  readonly dropLast: boolean;
  /** The stream, where it does not begin at its beginning. */
  readonly samples?: Iterable<unknown>;
  /** Behind the index in errors. */
  readonly where?: string;
}

/** Gives batch after batch. */
export interface Fetch {
  /** A batch; nothing at the end of a stream. */
  next(wanted: Wanted): { readonly value: unknown } | undefined;
  /** No more is wanted of a stream. */
  close(): void;
}

export function fetchFrom(options: FetchOptions): Fetch {
  const { dataset } = options;
  return dataset instanceof IterableDataset ? streamed(dataset, options) : mapped(dataset, options);
}

function mapped(dataset: MapStyle<unknown>, { collateFn, where = "" }: FetchOptions): Fetch {
  const whole =
    collateFn === defaultCollate && dataset instanceof Dataset ? dataset._collated?.bind(dataset) : undefined;
  const sample = (index: number): unknown => {
    try {
      return sampleAt(dataset, index);
    } catch (error) {
      throw atIndex(error, index, where);
    }
  };
  return {
    next(wanted) {
      if (typeof wanted === "number") return { value: collateFn(sample(wanted) as unknown[]) };
      if (whole === undefined) return { value: collateFn(wanted.map(sample)) };
      try {
        return { value: whole(wanted) };
      } catch (error) {
        // Taken one by one, they tell which of them it is.
        wanted.forEach(sample);
        throw error;
      }
    },
    close: () => undefined,
  };
}

function streamed(dataset: IterableDataset<unknown>, options: FetchOptions): Fetch {
  const { collateFn, dropLast } = options;
  const samples = (options.samples ?? dataset)[Symbol.iterator]();
  let ended = false;
  const take = (): { readonly value: unknown } | undefined => {
    const { done, value } = samples.next();
    if (done !== true) return { value };
    ended = true;
    return undefined;
  };
  return {
    next(wanted) {
      if (ended) return undefined;
      if (typeof wanted === "number") {
        const sample = take();
        return sample && { value: collateFn(sample.value as unknown[]) };
      }
      const batch: unknown[] = [];
      while (batch.length < wanted.length) {
        const sample = take();
        if (sample === undefined) break;
        batch.push(sample.value);
      }
      if (batch.length === 0 || (dropLast && batch.length < wanted.length)) return undefined;
      return { value: collateFn(batch) };
    },
    close() {
      if (!ended) samples.return?.();
      ended = true;
    },
  };
}

/** The error itself, saying which sample it came from. */
function atIndex(error: unknown, index: number, where: string): unknown {
  if (!(error instanceof Error) || error.name === "Cancelled") return error;
  const said = error.message;
  error.message = `${said} (while reading sample ${String(index)} of the data set${where})`;
  error.stack = error.stack?.replace(said, error.message);
  return error;
}
