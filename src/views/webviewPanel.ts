import * as vscode from "vscode";
import { createNonce, pageHtml } from "../../webview/shared/html.js";
import {
  Channel,
  type FailedMessage,
  type InitMessage,
  type Message,
  type ReadyMessage,
  type ViewName,
} from "../../webview/shared/protocol.js";
import { webviewStrings } from "../../webview/shared/strings/index.js";

/** What a view adds to the generic host. */
export interface PanelOptions<Out extends Message, In extends Message> {
  readonly view: ViewName;
  /** The id of the panel, `onWebviewPanel:` and the serializer use it. */
  readonly viewType: string;
  readonly title: string;
  /** A product icon for the tab. */
  readonly icon: string;
  readonly column: vscode.ViewColumn;
  /** Sets the handlers of a new page. */
  connect?(channel: Channel<Out, In>): void;
  /** The page is ready (again) and wants the view's data. */
  ready(channel: Channel<Out, In>): void;
  /** The person has closed the panel. */
  closed?(): void;
  readonly log: vscode.LogOutputChannel;
}

/**
 * The one panel of a view: opened on demand, revealed if it is open, restored with the window. A hidden page is
 * thrown away by the editor; it says `ready` when it is back and gets its data anew.
 */
export class WebviewPanelHost<Out extends Message, In extends Message>
  implements vscode.Disposable, vscode.WebviewPanelSerializer
{
  readonly #context: vscode.ExtensionContext;
  readonly #options: PanelOptions<Out, In>;
  readonly #serializer: vscode.Disposable;
  #panel: vscode.WebviewPanel | undefined;
  #channel: Channel<Out, In> | undefined;
  #isReady = false;

  constructor(context: vscode.ExtensionContext, options: PanelOptions<Out, In>) {
    this.#context = context;
    this.#options = options;
    this.#serializer = vscode.window.registerWebviewPanelSerializer(options.viewType, this);
  }

  /** Opens the panel, or brings it to the front where it is. */
  show(preserveFocus = false): void {
    if (this.#panel !== undefined) {
      this.#panel.reveal(undefined, preserveFocus);
      return;
    }
    const { viewType, title, column } = this.#options;
    this.#adopt(vscode.window.createWebviewPanel(viewType, title, { viewColumn: column, preserveFocus }, {}));
  }

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** Whether a page has said `ready` and can be seen; a hidden one is gone and will say it again. */
  get isReady(): boolean {
    return this.#isReady && this.#panel?.visible === true;
  }

  /** Sends if a page is there to hear it; one that is not gets everything on `ready`. */
  send(message: Out): void {
    if (this.#isReady) this.#channel?.send(message);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    if (this.#panel === undefined) this.#adopt(panel);
    else panel.dispose();
    return Promise.resolve();
  }

  #adopt(panel: vscode.WebviewPanel): void {
    const { view, title, icon, log } = this.#options;
    const folder = vscode.Uri.joinPath(this.#context.extensionUri, "dist", "webview");
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [folder] };
    panel.iconPath = new vscode.ThemeIcon(icon) as unknown as vscode.Uri;
    panel.title = title;
    const channel = new Channel<Out, In>({
      post: (message) => void webview.postMessage(message),
      subscribe: (listener) => {
        const subscription = webview.onDidReceiveMessage(listener);
        return () => void subscription.dispose();
      },
    });
    const common = channel as unknown as Channel<InitMessage, ReadyMessage | FailedMessage>;
    common.on("ready", () => {
      this.#isReady = true;
      const locale = vscode.env.language;
      common.send({ type: "init", locale, strings: webviewStrings(view, locale) });
      this.#options.ready(channel);
    });
    common.on("failed", ({ message, stack }) => log.error(`${view}: ${stack ?? message}`));
    this.#options.connect?.(channel);
    this.#panel = panel;
    this.#channel = channel;
    this.#isReady = false;
    panel.onDidDispose(() => {
      channel.close();
      if (this.#panel !== panel) return;
      this.#panel = undefined;
      this.#channel = undefined;
      this.#isReady = false;
      this.#options.closed?.();
    });
    const uri = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString();
    webview.html = pageHtml({
      view,
      title,
      locale: vscode.env.language,
      cspSource: webview.cspSource,
      scriptUri: uri(`${view}.js`),
      styleUri: uri(`${view}.css`),
      nonce: createNonce(),
    });
  }

  dispose(): void {
    this.#serializer.dispose();
    // The window goes, not the panel: nobody has closed it.
    const panel = this.#panel;
    this.#panel = undefined;
    panel?.dispose();
  }
}
