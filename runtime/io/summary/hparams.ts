/** The records that TensorBoard's HParams view is made of. */
import { ValueError } from "../../errors.js";
import type { SummaryValue } from "../../events/event.js";
import { ProtoWriter } from "../../protobuf.js";
import { Tensor } from "../../tensor/tensor.js";

export type HParam = string | number | boolean | Tensor | null;

const dataType = { string: 1, boolean: 2, number: 3 } as const;
const success = 1;

type Plain = string | number | boolean;

/** `google.protobuf.Value`. */
function writeValue(w: ProtoWriter, value: Plain): void {
  if (typeof value === "string") w.string(3, value);
  else if (typeof value === "boolean") w.int(4, value ? 1 : 0);
  else w.double(2, value);
}

const named = (tag: string, write: (w: ProtoWriter) => void): SummaryValue => {
  const w = new ProtoWriter();
  write(w);
  return { tag, plugin: "hparams", pluginContent: w.finish() };
};

/**
 * Experiment, session start and session end.
 * @throws ValueError TypeError for values that are no hyperparameters.
 */
export function hparamSummaries(
  hparams: Readonly<Record<string, HParam>>,
  metrics: readonly string[],
  domains: Readonly<Record<string, readonly Plain[]>>,
): [SummaryValue, SummaryValue, SummaryValue] {
  const given: [string, Plain][] = [];
  for (const [key, value] of Object.entries(hparams)) {
    if (value === null) continue;
    const plain = value instanceof Tensor ? Number(value.item()) : value;
    if (!((typeof plain) in dataType)) {
      throw new ValueError(
        `hyperparameter ${key}: value should be one of number, string, boolean, or torch.Tensor`,
      );
    }
    given.push([key, plain]);
  }
  for (const [key, domain] of Object.entries(domains)) {
    const value = given.find(([name]) => name === key)?.[1];
    if (!Array.isArray(domain) || !domain.every((d) => typeof d === typeof value)) {
      throw new TypeError(
        `parameter: hparamDomainDiscrete[${key}] should be a list of same type as hparamDict[${key}].`,
      );
    }
  }
  const experiment = named("_hparams_/experiment", (w) => {
    w.message(2, () => {
      for (const [key, value] of given) {
        w.message(4, () => {
          w.string(1, key);
          w.int(4, dataType[typeof value as keyof typeof dataType]);
          const domain = domains[key];
          if (domain !== undefined) {
            w.message(5, () => {
              for (const d of domain) w.message(1, () => writeValue(w, d));
            });
          }
        });
      }
      for (const metric of metrics) w.message(5, () => w.message(1, () => w.string(2, metric)));
    });
  });
  const start = named("_hparams_/session_start_info", (w) => {
    w.message(3, () => {
      for (const [key, value] of given) {
        w.message(1, () => {
          w.string(1, key);
          w.message(2, () => writeValue(w, value));
        });
      }
    });
  });
  const end = named("_hparams_/session_end_info", (w) => w.message(4, () => w.int(1, success)));
  return [experiment, start, end];
}
