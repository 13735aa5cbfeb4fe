/** Files of tensors, damaged: loading one gives a value or an error with a reason, soon and in little memory. */
import * as fs from "node:fs";
import { formatPth, nn, optim, safetensors, torch } from "../../runtime/index.js";
import { readZip } from "../../runtime/io/zip.js";
import { writeZip } from "../../runtime/io/zipWriter.js";
import { Dice, mutate } from "./mutate.js";

/** What loading may throw: reasons. */
const reasons = new Set(["UnpicklingError", "ValueError", "RuntimeError", "NotImplementedError", "KeyError"]);
/** CPU seconds for one file of some kilobytes. */
const longest = 2;

interface Sample {
  readonly kind: "pth" | "safetensors";
  readonly bytes: Uint8Array;
  /** The entries of an archive: their contents are damaged with their checksums put right. */
  readonly entries?: ReadonlyMap<string, Uint8Array>;
}

function samples(): Sample[] {
  const golden = JSON.parse(fs.readFileSync("test/oracle/golden/pth.json", "utf8")) as [
    string,
    string,
    string,
  ][];
  const theirs = golden
    .map(([, format, file]) => ({ format, bytes: Buffer.from(file, "base64") }))
    .filter(({ bytes }) => bytes.length < 20_000);
  const model = new nn.Sequential(
    new nn.Linear(3, 2),
    new nn.BatchNorm1d(2),
    new nn.ModuleDict({ a: new nn.ReLU() }),
  );
  const optimizer = new optim.Adam(model.parameters());
  const ours = [
    formatPth(model),
    formatPth({ o: optimizer.stateDict(), s: new Set([1]), b: new Uint8Array(3) }),
  ];
  const tensors = {
    a: torch.arange(6).reshape(2, 3),
    b: torch.ones(3, { dtype: torch.bool }),
    c: torch.tensor(1.5),
  };
  const pth = (bytes: Uint8Array, zip: boolean): Sample =>
    zip ? { kind: "pth", bytes, entries: readZip(bytes, 2 ** 24) } : { kind: "pth", bytes };
  return [
    ...theirs.map(({ format, bytes }) => pth(bytes, format === "zip")),
    ...ours.map((bytes) => pth(bytes, true)),
    { kind: "safetensors", bytes: safetensors.save(tensors, { metadata: { format: "pt" } }) },
    { kind: "safetensors", bytes: safetensors.save(model.stateDict()) },
  ];
}

/** The bytes of a damaged file. */
function damaged(sample: Sample, dice: Dice, other: Sample): Uint8Array {
  if (sample.entries !== undefined && dice.below(3) > 0) {
    // Behind a right checksum the pickle itself is read.
    const names = [...sample.entries.keys()];
    const chosen = dice.below(4) > 0 ? names.find((n) => n.endsWith("data.pkl"))! : dice.pick(names);
    const from = other.entries?.get([...other.entries.keys()][0]!) ?? other.bytes;
    const files = [...sample.entries].map(
      ([name, content]) => [name, name === chosen ? mutate(content, dice, from) : content] as const,
    );
    return writeZip(files, dice.below(8) === 0);
  }
  if (sample.kind === "safetensors" && dice.below(3) > 0) {
    const bytes = Buffer.from(sample.bytes);
    const size = Number(bytes.readBigUInt64LE());
    const head = mutate(bytes.subarray(8, 8 + size), dice, other.bytes);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    return Buffer.concat([length, head, bytes.subarray(8 + size)]);
  }
  return mutate(sample.bytes, dice, other.bytes);
}

export class IoFuzzer {
  readonly #samples = samples();
  /** How many files were loaded all the same. */
  loaded = 0;

  /** Loads the damaged file of a seed; what is wrong with how that went, or nothing. */
  run(seed: number): string | undefined {
    const dice = new Dice(seed);
    const sample = dice.pick(this.#samples);
    const bytes = damaged(sample, dice, dice.pick(this.#samples));
    const start = process.cpuUsage();
    try {
      if (sample.kind === "pth") torch.load(bytes, { mapLocation: "cpu" });
      else safetensors.loadFile(bytes);
      this.loaded++;
    } catch (error) {
      const name = error instanceof Error ? error.name : typeof error;
      if (!reasons.has(name)) return error instanceof Error ? (error.stack ?? name) : name;
    }
    const { user, system } = process.cpuUsage(start);
    const seconds = (user + system) / 1e6;
    return seconds > longest ? `took ${seconds.toFixed(1)} s` : undefined;
  }
}
