import * as vscode from "vscode";
import type { CalculatorToHost, CalculatorToWebview, LayerSettings } from "../../webview/shared/protocol.js";
import { views } from "../ids.js";
import { WebviewPanelHost } from "./webviewPanel.js";

/** The convolution and pooling calculator. It evaluates nothing, so it works without workspace trust. */
export class CalculatorView implements vscode.Disposable {
  readonly #host: WebviewPanelHost<CalculatorToWebview, CalculatorToHost>;
  #layer: LayerSettings | undefined;

  constructor(context: vscode.ExtensionContext, log: vscode.LogOutputChannel) {
    this.#host = new WebviewPanelHost<CalculatorToWebview, CalculatorToHost>(context, {
      view: "calculator",
      viewType: views.calculator,
      title: vscode.l10n.t("Convolution Calculator"),
      icon: "symbol-ruler",
      column: vscode.ViewColumn.Beside,
      log,
      connect: (channel) => {
        channel.on("copyText", async ({ text }) => {
          await vscode.env.clipboard.writeText(text);
          return { copied: true };
        });
      },
      ready: (channel) => {
        // Once: a page that was only hidden keeps what the person has changed since.
        if (this.#layer !== undefined) channel.send({ type: "configure", layer: this.#layer });
        this.#layer = undefined;
      },
    });
  }

  /** Opens the calculator, on the given layer if there is one. */
  show(layer?: LayerSettings): void {
    const wasReady = this.#host.isReady;
    this.#host.show();
    if (layer === undefined) return;
    if (wasReady) this.#host.send({ type: "configure", layer });
    else this.#layer = layer;
  }

  dispose(): void {
    this.#host.dispose();
  }
}
