import * as vscode from "vscode";
import type { LintId } from "./kernel/protocol.js";

const section = "tensorscope";

/** One setting: its value now, and an event when it becomes another. */
export class ConfigValue<T extends string | number | boolean> implements vscode.Disposable {
  readonly #key: string;
  readonly #fallback: T;
  readonly #changed = new vscode.EventEmitter<T>();
  readonly #subscription: vscode.Disposable;
  #value: T;

  /** Fires with the new value. */
  readonly onDidChange = this.#changed.event;

  constructor(key: string, fallback: T) {
    this.#key = key;
    this.#fallback = fallback;
    this.#value = this.#read();
    this.#subscription = vscode.workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration(`${section}.${key}`)) return;
      const value = this.#read();
      if (value === this.#value) return;
      this.#value = value;
      this.#changed.fire(value);
    });
  }

  get value(): T {
    return this.#value;
  }

  /** Settings files are written by hand: a value of another type counts as not set. */
  #read(): T {
    const value: unknown = vscode.workspace.getConfiguration(section).get(this.#key);
    return typeof value === typeof this.#fallback ? (value as T) : this.#fallback;
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

/** Every setting of the extension. */
export class Config implements vscode.Disposable {
  readonly codeLens = new ConfigValue<boolean>("codeLens.enabled", true);
  readonly inlayHints = new ConfigValue<boolean>("inlayHints.enabled", true);
  readonly diagnostics = new ConfigValue<boolean>("diagnostics.enabled", true);
  readonly hover = new ConfigValue<boolean>("hover.enabled", true);
  readonly openCurvesOnTrain = new ConfigValue<boolean>("curves.openOnTrain", true);
  readonly traceDelay = new ConfigValue<number>("trace.delay", 250);
  readonly device = new ConfigValue<string>("device", "cpu");
  /** Severities, or `off`. */
  readonly lints: Readonly<Record<LintId, ConfigValue<string>>> = {
    "plain-array": new ConfigValue<string>("lints.plainArray", "warning"),
    "plain-tensor": new ConfigValue<string>("lints.plainTensor", "warning"),
    "softmax-cross-entropy": new ConfigValue<string>("lints.softmaxCrossEntropy", "warning"),
    "zero-grad": new ConfigValue<string>("lints.zeroGrad", "warning"),
    "eval-mode": new ConfigValue<string>("lints.evalMode", "warning"),
  };
  readonly nodePath = new ConfigValue<string>("nodePath", "");

  dispose(): void {
    const { lints, ...values } = this;
    for (const value of [...Object.values(values), ...Object.values(lints)]) value.dispose();
  }
}
