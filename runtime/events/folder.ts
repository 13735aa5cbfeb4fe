/** A folder of runs, followed: every folder in it that has event files is a run. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { SummaryValue } from "./event.js";
import { EventFileReader, isEventFile } from "./file.js";
import { pluginOf, scalarOf } from "./scalars.js";

/** A point of a curve. */
export interface RunPoint {
  /** The run's folder, from the one that is followed; `.` for that itself. */
  readonly run: string;
  readonly tag: string;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly wallTime: number;
  readonly value: number;
}

export interface FollowLimits {
  /** Folders that are looked into, and how far down. */
  readonly maxFolders?: number;
  readonly maxDepth?: number;
  /** Event files that are read. */
  readonly maxFiles?: number;
  /** Bytes read by one call of `poll`. */
  readonly maxBytes?: number;
}

/** A run that was begun again: what it had from this step on is void, all tags of it. */
export interface RunRestart {
  readonly run: string;
  readonly step: number;
  /** It came before this one of the points. */
  readonly before: number;
}

/** What one look at a folder found. */
export interface Polled {
  readonly points: readonly RunPoint[];
  readonly restarts: readonly RunRestart[];
  /** There is more to read at once. */
  readonly more: boolean;
}

/**
 * Follows a folder of event files: ours, TensorFlow's, PyTorch's. Folders that make no sense (links, too deep, too many)
 * are left out; damaged files end where they are damaged, and `problems` says so.
 */
export class RunFolder {
  readonly path: string;
  readonly #limits: Required<FollowLimits>;
  readonly #files = new Map<string, EventFileReader>();
  readonly #tags = new Map<string, Map<string, Set<string>>>();
  readonly #problems = new Map<string, string>();
  #full = false;

  constructor(folder: string, limits: FollowLimits = {}) {
    this.path = folder;
    this.#limits = { maxFolders: 10_000, maxDepth: 12, maxFiles: 2_000, maxBytes: 8 << 20, ...limits };
  }

  /** Tags of a run by the view that shows them: `scalars`, `images`, `histograms`, `text`, … */
  tags(run: string): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#tags.get(run) ?? new Map<string, Set<string>>();
  }

  /** All runs that have something, in order of their names. */
  get runs(): string[] {
    return [...this.#tags.keys()].sort();
  }

  /** What could not be read, by file. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Whether there was more in the folder than is looked at. */
  get isFull(): boolean {
    return this.#full;
  }

  /** Reads what is new. */
  poll(): Polled {
    this.#find();
    const points: RunPoint[] = [];
    const restarts: RunRestart[] = [];
    let budget = this.#limits.maxBytes;
    for (const [file, reader] of this.#files) {
      if (budget <= 0) break;
      const before = reader.offset;
      try {
        this.#take(file, reader, budget, points, restarts);
      } catch (error) {
        // The file may be gone, or not ours to read: the others count.
        this.#problems.set(file, (error as Error).message);
      }
      budget -= reader.offset - before;
      if (reader.problem !== undefined) this.#problems.set(file, reader.problem.message);
    }
    // Where the budget is spent, the last file may have more too.
    return { points, restarts, more: budget <= 0 };
  }

  #take(
    file: string,
    reader: EventFileReader,
    maxBytes: number,
    points: RunPoint[],
    restarts: RunRestart[],
  ): void {
    const run = path.relative(this.path, path.dirname(file)).split(path.sep).join("/") || ".";
    let tags = this.#tags.get(run);
    if (tags === undefined) this.#tags.set(run, (tags = new Map()));
    for (const { values = [], step = 0, wallTime, start } of reader.read(maxBytes)) {
      // Writers mark the start of every session; only one that goes on from a step makes anything void.
      if (start === true && step > 0) restarts.push({ run, step, before: points.length });
      for (const value of values) {
        this.#noteTag(tags, value);
        const number = scalarOf(value);
        if (number === undefined) continue;
        points.push({ run, tag: value.tag, step, wallTime: wallTime * 1000, value: number });
      }
    }
  }

  #noteTag(tags: Map<string, Set<string>>, value: SummaryValue): void {
    const plugin = pluginOf(value);
    const known = tags.get(plugin);
    if (known === undefined) tags.set(plugin, new Set([value.tag]));
    else known.add(value.tag);
  }

  #find(): void {
    const { maxFolders, maxDepth, maxFiles } = this.#limits;
    const waiting: [folder: string, depth: number][] = [[this.path, 0]];
    this.#full = false;
    for (let i = 0; i < waiting.length; i++) {
      const [folder, depth] = waiting[i]!;
      let entries: fs.Dirent[];
      try {
        entries = fs.readdirSync(folder, { withFileTypes: true });
      } catch (error) {
        if (depth === 0) this.#problems.set(folder, (error as Error).message);
        continue;
      }
      if (depth === 0) this.#problems.delete(folder);
      entries.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const entry of entries) {
        const full = path.join(folder, entry.name);
        if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== ".git") {
          if (depth < maxDepth && waiting.length < maxFolders) waiting.push([full, depth + 1]);
          else this.#full = true;
        } else if (entry.isFile() && isEventFile(entry.name) && !this.#files.has(full)) {
          if (this.#files.size < maxFiles) this.#files.set(full, new EventFileReader(full));
          else this.#full = true;
        }
      }
    }
  }
}
