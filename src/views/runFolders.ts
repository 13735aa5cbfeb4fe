import * as path from "node:path";
import * as vscode from "vscode";
import { RunFolder, type Polled } from "../../runtime/events/folder.js";
import { encodeValue, type CurvesToWebview } from "../../webview/shared/protocol.js";

/** How often folders are looked into, in milliseconds, when all that is in them has been read. */
const interval = 1000;
/** Read at once; more would hold up the other extensions. */
const maxBytes = 1 << 20;
/** Where the folders are remembered over a reload of the window. */
const memento = "curves.folders";

type Send = (message: CurvesToWebview) => void;

/** Folders of event files whose runs are shown beside those of the window, and followed while somebody looks. */
export class RunFolders implements vscode.Disposable {
  readonly #context: vscode.ExtensionContext;
  readonly #log: vscode.LogOutputChannel;
  readonly #send: Send;
  readonly #isWatched: () => boolean;
  readonly #following = new Map<string, RunFolder>();
  readonly #told = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    context: vscode.ExtensionContext,
    log: vscode.LogOutputChannel,
    send: Send,
    isWatched: () => boolean,
  ) {
    this.#context = context;
    this.#log = log;
    this.#send = send;
    this.#isWatched = isWatched;
    for (const folder of context.workspaceState.get<readonly string[]>(memento, [])) this.#follow(folder);
  }

  get any(): boolean {
    return this.#following.size > 0;
  }

  add(folder: string): void {
    if (this.#following.has(folder)) return;
    this.#follow(folder);
    this.#remember();
    this.#schedule(0);
  }

  /** The page has forgotten everything: all is read again. */
  restart(): void {
    for (const folder of [...this.#following.keys()]) this.#follow(folder);
    this.#schedule(0);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#following.clear();
    this.#remember();
  }

  #follow(folder: string): void {
    this.#following.set(folder, new RunFolder(folder, { maxBytes }));
  }

  #remember(): void {
    void this.#context.workspaceState.update(memento, [...this.#following.keys()]);
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    if (!this.any) return;
    let more = false;
    // A hidden page gets everything anew when it is back.
    if (this.#isWatched()) {
      for (const [folder, runs] of this.#following) {
        const polled = runs.poll();
        more ||= polled.more;
        this.#tell(folder, polled);
        for (const problem of runs.problems) this.#report(problem);
      }
    }
    this.#schedule(more ? 0 : interval);
  }

  /** The run's name among all that are shown. */
  #nameOf(folder: string, run: string): string {
    const name = path.basename(folder);
    if (run === ".") return name;
    return this.#following.size > 1 ? `${name}/${run}` : run;
  }

  #tell(folder: string, { points, restarts }: Polled): void {
    let sent = 0;
    const sendTo = (end: number): void => {
      if (end > sent) {
        const part = points.slice(sent, end).map(({ run, value, ...rest }) => ({
          ...rest,
          run: this.#nameOf(folder, run),
          value: encodeValue(value),
        }));
        this.#send({ type: "append", points: part });
      }
      sent = end;
    };
    for (const { run, step, before } of restarts) {
      sendTo(before);
      this.#send({ type: "cut", run: this.#nameOf(folder, run), step });
    }
    sendTo(points.length);
  }

  #report([file, problem]: readonly [string, string]): void {
    const text = `${file}: ${problem}`;
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#log.warn(text);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

/** Asks for a folder of event files, unless one is given. */
export async function chooseRunFolder(given: unknown): Promise<string | undefined> {
  if (given instanceof vscode.Uri) return given.fsPath;
  const start = vscode.workspace.workspaceFolders?.[0]?.uri;
  const chosen = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    title: vscode.l10n.t("Folder of Event Files"),
    openLabel: vscode.l10n.t("Open Curves"),
    ...(start === undefined ? {} : { defaultUri: start }),
  });
  return chosen?.[0]?.fsPath;
}
