import * as vscode from "vscode";
import type { Config } from "../config.js";
import { DisposableStore } from "../disposables.js";
import { languages } from "../ids.js";
import { KernelError, type TraceReply } from "../kernel/protocol.js";
import { overlayOf, type KernelService } from "../kernelService.js";
import { isModelSource, outline, type OutlineItem } from "./outline.js";
import { shiftTrace, type Change } from "./shift.js";

/** What is known about one model file at this moment; providers answer from it without waiting. */
export interface FileModel {
  readonly uri: vscode.Uri;
  /** From the text alone, of the document's current version. */
  readonly outline: readonly OutlineItem[];
  /** The last trace that parsed, its places moved along with the edits since. */
  readonly trace?: TraceReply;
  /** The file does not parse at the moment: `trace` is from before. */
  readonly broken: boolean;
  /** Why there was no answer to the last trace: too slow, crashed. */
  readonly problem?: string;
}

interface Entry extends FileModel {
  trace?: TraceReply;
  outline: readonly OutlineItem[];
  broken: boolean;
  problem?: string;
  timer: NodeJS.Timeout | undefined;
  /** Raised by every request; an answer to an older one is dropped. */
  ticket: number;
}

/** The model files that are open, traced again as they change. */
export class Models implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new vscode.EventEmitter<FileModel>());
  readonly #edited = this.#store.add(new vscode.EventEmitter<string>());
  readonly #closed = this.#store.add(new vscode.EventEmitter<vscode.Uri>());
  readonly #entries = new Map<string, Entry>();
  readonly #kernel: KernelService;
  readonly #config: Config;
  readonly #log: vscode.LogOutputChannel;

  /** A file's trace, outline or problem is another. */
  readonly onDidChange = this.#changed.event;
  /** A file (by path) was edited: what ran before ran on another text. */
  readonly onDidEdit = this.#edited.event;
  readonly onDidClose = this.#closed.event;

  constructor(kernel: KernelService, config: Config, log: vscode.LogOutputChannel) {
    this.#kernel = kernel;
    this.#config = config;
    this.#log = log;
    const onDisk = this.#store.add(vscode.workspace.createFileSystemWatcher("**/*.{ts,tsx,js,mjs,mts,json}"));
    const fileChanged = (uri: vscode.Uri) => {
      const isOpen = vscode.workspace.textDocuments.some(({ uri: open }) => open.fsPath === uri.fsPath);
      if (!isOpen) this.#traceDependents(uri.fsPath);
    };
    for (const subscription of [
      vscode.workspace.onDidChangeTextDocument((event) => this.#onEdit(event)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#close(document)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => this.#look(editors)),
      onDisk.onDidChange(fileChanged),
      onDisk.onDidCreate(fileChanged),
      onDisk.onDidDelete(fileChanged),
      kernel.onDidRestart(() => {
        for (const entry of this.#entries.values()) this.#schedule(entry, 0);
      }),
    ]) {
      this.#store.add(subscription);
    }
    this.#look(vscode.window.visibleTextEditors);
  }

  /** The model of a document; undefined for a document that is none of ours. */
  get(document: vscode.TextDocument): FileModel | undefined {
    return this.#entries.get(document.uri.fsPath) ?? this.#open(document);
  }

  byPath(file: string): FileModel | undefined {
    return this.#entries.get(file);
  }

  get all(): Iterable<FileModel> {
    return this.#entries.values();
  }

  /** Traces a file now, without waiting for a pause in typing. */
  refresh(file: string): void {
    const entry = this.#entries.get(file);
    if (entry !== undefined) this.#schedule(entry, 0);
  }

  #open(document: vscode.TextDocument): Entry | undefined {
    const { uri, languageId } = document;
    if (uri.scheme !== "file" || !(languages as readonly string[]).includes(languageId)) return undefined;
    const text = document.getText();
    if (!isModelSource(text)) return undefined;
    const entry: Entry = { uri, outline: outline(text), broken: false, timer: undefined, ticket: 0 };
    this.#entries.set(uri.fsPath, entry);
    this.#schedule(entry, 0);
    return entry;
  }

  #look(editors: readonly vscode.TextEditor[]): void {
    for (const { document } of editors) {
      if (this.#entries.has(document.uri.fsPath)) continue;
      const entry = this.#open(document);
      if (entry !== undefined) this.#changed.fire(entry);
    }
  }

  #close(document: vscode.TextDocument): void {
    const entry = this.#entries.get(document.uri.fsPath);
    if (entry === undefined) return;
    clearTimeout(entry.timer);
    entry.ticket++;
    this.#entries.delete(document.uri.fsPath);
    this.#closed.fire(document.uri);
  }

  #onEdit({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0 || document.uri.scheme !== "file") return;
    const file = document.uri.fsPath;
    const changes = contentChanges.map(({ range: { start, end }, text }): Change => ({
      range: {
        start: { line: start.line, column: start.character },
        end: { line: end.line, column: end.character },
      },
      text: text.replace(/\r\n?/g, "\n"),
    }));
    for (const entry of this.#entries.values()) {
      if (entry.trace !== undefined) entry.trace = shiftTrace(entry.trace, file, changes);
    }
    const entry = this.#entries.get(file);
    if (entry === undefined) {
      // A file becomes ours when its import is written.
      const opened = this.#open(document);
      if (opened !== undefined) this.#changed.fire(opened);
    } else {
      const text = document.getText();
      entry.outline = outline(text);
      if (isModelSource(text)) this.#schedule(entry, this.#config.traceDelay.value);
      else this.#close(document);
    }
    this.#edited.fire(file);
    this.#traceDependents(file);
  }

  #traceDependents(file: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.uri.fsPath === file || entry.trace?.dependencies.includes(file) !== true) continue;
      this.#schedule(entry, this.#config.traceDelay.value);
    }
  }

  #schedule(entry: Entry, delay: number): void {
    entry.ticket++;
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (!this.#kernel.trusted) return;
    entry.timer = setTimeout(() => void this.#trace(entry), delay);
  }

  async #trace(entry: Entry): Promise<void> {
    const ticket = ++entry.ticket;
    const file = entry.uri.fsPath;
    const document = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
    if (document === undefined || !this.#kernel.trusted) return;
    const overlay = overlayOf(document);
    try {
      const reply = await this.#kernel.supervisor.trace({ type: "trace", file, overlay });
      if (ticket !== entry.ticket || !isFresh(reply)) return;
      this.#log.debug(`traced ${file} in ${reply.milliseconds.toFixed(0)} ms`);
      entry.broken = !reply.parsed;
      delete entry.problem;
      // While a file does not parse, what was known of it stays.
      if (reply.parsed || entry.trace === undefined) entry.trace = reply;
    } catch (error) {
      if (ticket !== entry.ticket) return;
      const reason = error instanceof KernelError ? error.reason : "internal";
      if (reason === "superseded" || reason === "disposed") return;
      entry.problem = error instanceof Error ? error.message : String(error);
      this.#log.warn(`trace of ${file}: ${entry.problem}`);
    }
    this.#changed.fire(entry);
  }

  dispose(): void {
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#entries.clear();
    this.#store.dispose();
  }
}

/** Whether the documents are still those that the trace saw. */
function isFresh(reply: TraceReply): boolean {
  return vscode.workspace.textDocuments.every(({ uri, version }) => {
    const traced = uri.scheme === "file" ? reply.versions[uri.fsPath] : undefined;
    return traced === undefined || traced === version;
  });
}
