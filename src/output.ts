import * as path from "node:path";
import * as vscode from "vscode";
import { describeSummary } from "./authoring/hover.js";
import { duration, shapes, short } from "./authoring/figures.js";
import { DisposableStore } from "./disposables.js";
import type { KernelService } from "./kernelService.js";
import type { ForwardRun, Runs, Target, TrainingRun } from "./runs.js";

const { t } = vscode.l10n;

/** What model files print, and what runs came to, in the channel `Tensorscope`. */
export class Output implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #channel = this.#store.add(vscode.window.createOutputChannel("Tensorscope"));

  constructor(kernel: KernelService, runs: Runs) {
    this.#store.add(
      kernel.onEvent((event) => {
        // Tracing goes on with every edit; what a file prints then would be noise.
        if (event.type === "console" && event.kernel === "runner") this.#channel.appendLine(event.text);
        else if (event.type === "state" && event.message !== undefined)
          this.#channel.appendLine(event.message);
      }),
    );
    this.#store.add(
      runs.onDidStart((target) => {
        const time = new Date().toLocaleTimeString(vscode.env.language);
        this.#channel.appendLine(`\n── ${target.export} · ${path.basename(target.file)} · ${time}`);
      }),
    );
  }

  show(preserveFocus = true): void {
    this.#channel.show(preserveFocus);
  }

  forward({ phase, reply, failure }: ForwardRun): void {
    if (phase === "cancelled") this.#channel.appendLine(t("Cancelled."));
    if (failure !== undefined) this.#failed(failure.message, failure.location);
    if (reply === undefined) return;
    const { inputs, outputs, parameters, macs, constructMilliseconds, firstMilliseconds, milliseconds } =
      reply;
    this.#channel.appendLine(
      [
        `${shapes(inputs)} → ${shapes(outputs)}`,
        t("{0} params", short(parameters)),
        ...(macs === undefined ? [] : [t("{0} MACs", short(macs))]),
      ].join(" · "),
    );
    this.#channel.appendLine(
      t(
        "built in {0}, first forward {1}, then {2}",
        duration(constructMilliseconds),
        duration(firstMilliseconds),
        duration(milliseconds),
      ),
    );
    for (const output of outputs) this.#channel.appendLine(describeSummary(output));
  }

  training({ state, milliseconds, returned, failure }: TrainingRun): void {
    const time = duration(milliseconds ?? 0);
    if (failure !== undefined) this.#failed(failure.message, failure.location);
    else if (state.phase === "cancelled") this.#channel.appendLine(t("Cancelled after {0}.", time));
    else this.#channel.appendLine(t("Done in {0}.", time));
    if (returned !== undefined && returned !== "undefined" && returned !== "")
      this.#channel.appendLine(returned);
  }

  #failed(message: string, location: { file: string; line: number; column: number } | undefined): void {
    // In this form the editor makes the place a link.
    const place =
      location === undefined ? "" : `${location.file}:${location.line + 1}:${location.column + 1}: `;
    this.#channel.appendLine(`${place}${message}`);
  }

  dispose(): void {
    this.#store.dispose();
  }
}

/** The name of a target in messages. */
export function nameOf(target: Target): string {
  return target.export === "default" ? path.parse(target.file).name : target.export;
}
