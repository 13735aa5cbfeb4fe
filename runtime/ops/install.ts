import { QuantizedTensor } from "../tensor/quantized.js";
import { Tensor } from "../tensor/tensor.js";
import { records } from "./index.js";
import { installOperators } from "./operators.js";
import { quantizedRules } from "./quantized.js";
import { invokeInPlace, type OpRecord, type Space } from "./record.js";
import { camel } from "./schema.js";

type Function = (...args: never[]) => unknown;

/** The functions of one name space, built from the records. */
export function namespace(space: Exclude<Space, "Tensor">): Record<string, Function> {
  const out: Record<string, Function> = {};
  for (const { record } of records) {
    if (!record.on.includes(space)) continue;
    for (const name of names(record)) {
      out[camel(name)] = record.invoke as Function;
      if (record.inplace)
        out[camel(`${name}_`)] = ((self: Tensor, ...args: unknown[]) =>
          invokeInPlace(record, self, args)) as Function;
    }
  }
  return out;
}

export function names(record: OpRecord): string[] {
  return [record.name, ...record.aliases];
}

/** Puts the methods of the records on `Tensor.prototype`. */
export function installMethods(): void {
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(Tensor.prototype, name, { value, configurable: true, writable: true });
  };
  for (const { record } of records) {
    if (!record.on.includes("Tensor")) continue;
    for (const name of names(record)) {
      define(camel(name), function (this: Tensor, ...args: unknown[]) {
        return record.invoke(this, ...args);
      });
      if (record.inplace) {
        define(camel(`${name}_`), function (this: Tensor, ...args: unknown[]) {
          return invokeInPlace(record, this, args);
        });
      }
    }
  }
  for (const { record } of records) {
    if (!quantizedRules.has(record.name)) continue;
    const value = function (this: QuantizedTensor, ...args: unknown[]) {
      return record.invoke(this, ...args);
    };
    Object.defineProperty(QuantizedTensor.prototype, camel(record.name), {
      value,
      configurable: true,
      writable: true,
    });
  }
  installOperators();
}
