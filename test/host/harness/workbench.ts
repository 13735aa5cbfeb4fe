import * as fs from "node:fs";
import * as path from "node:path";
import { chromium, type Browser, type Frame, type Locator, type Page } from "playwright-core";
import type { Host } from "./host.js";
import { screenshots } from "./paths.js";
import { patience, until } from "./wait.js";

export interface WorkbenchOptions {
  readonly width?: number;
  readonly height?: number;
}

/** A problem as the Problems view shows it. */
export interface Problem {
  readonly file: string;
  readonly severity: "error" | "warning" | "info";
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

const chromiumPath =
  process.env["CHROMIUM_PATH"] ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) =>
    fs.existsSync(file),
  );

/** Non-breaking spaces and line ends, as the editor's rows are full of them. */
const plain = (text: string) =>
  text
    .replace(/\u00a0/g, " ")
    .replace(/\u200b|\u200c|\u200d/g, "")
    .trim();

/**
 * The workbench in a browser, used as a person uses it: by what is on the screen. Every method waits
 * for what it needs and fails with what was there instead.
 */
export class Workbench {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #host: Host;
  /** Errors of the page's console, newest last. */
  readonly consoleLines: string[] = [];

  private constructor(browser: Browser, page: Page, host: Host) {
    this.#browser = browser;
    this.page = page;
    this.#host = host;
    page.on("console", (message) => {
      if (message.type() === "error") this.consoleLines.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.consoleLines.push(`pageerror: ${error.message}`));
  }

  static async launch(host: Host, options: WorkbenchOptions = {}): Promise<Workbench> {
    const browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    });
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1400, height: options.height ?? 900 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    page.setDefaultTimeout(60_000);
    const workbench = new Workbench(browser, page, host);
    await workbench.#logIn();
    return workbench;
  }

  async #logIn(): Promise<void> {
    await this.page.goto(`${this.#host.url}/login`);
    await this.page.fill("input[name=password]", this.#host.password);
    await Promise.all([
      this.page.waitForResponse((response) => response.url().includes("/login") && response.status() === 302),
      this.page.click("input[type=submit]"),
    ]);
  }

  /** Opens a folder and waits until the workbench stands. */
  async openFolder(folder: string, query = ""): Promise<void> {
    // The first page of a host is slow, the more so on a busy machine.
    await this.page.goto(`${this.#host.url}/?folder=${encodeURIComponent(folder)}${query}`, {
      waitUntil: "commit",
      timeout: 180_000,
    });
    await this.page.waitForSelector(".monaco-workbench .part.editor", { timeout: 180_000 });
    await this.page.waitForSelector(
      ".explorer-folders-view .monaco-list-row, .monaco-workbench .part.sidebar",
      {
        timeout: 180_000,
      },
    );
  }

  /** Whether the folder is open in restricted mode (a host started with `trust`). */
  async isRestricted(): Promise<boolean> {
    return (await this.statusBar()).includes("Restricted Mode");
  }

  /** Grants trust to the open folder, as the trust editor's button does; extensions start anew. */
  async trustFolder(): Promise<void> {
    await this.runCommand("Workspaces: Manage Workspace Trust");
    await this.page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust" }).first().click();
    await until("the end of restricted mode", async () => !(await this.isRestricted()));
    await this.runCommand("View: Close Editor");
  }

  /** Opens a file of the folder by Quick Open and waits for its text. */
  async openFile(file: string): Promise<void> {
    const name = path.basename(file);
    const tab = `.tab.active[data-resource-name="${name}"]`;
    await until(
      `the editor of ${file}`,
      async () => {
        await this.#quickInput("", file);
        // The first search of a window starts its search process: patience is quicker than asking anew.
        const row = this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: name });
        await row.first().click({ timeout: 15_000 * patience() });
        await this.page.waitForSelector(`.editor-group-container.active ${tab}`, {
          timeout: 10_000 * patience(),
        });
        return true;
      },
      90_000,
    );
    await this.editor.locator(".view-line").first().waitFor();
  }

  /** The active text editor. */
  get editor(): Locator {
    return this.page.locator(".editor-group-container.active .editor-instance .monaco-editor").first();
  }

  async #quickInput(prefix: string, text: string): Promise<void> {
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press(prefix === ">" ? "F1" : "Control+P");
    const input = this.page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor({ state: "visible", timeout: 5000 * patience() });
    await input.fill(prefix + text);
  }

  /** Runs a command by its title in the command palette. */
  async runCommand(title: string): Promise<void> {
    await until(`the command “${title}”`, async () => {
      await this.#quickInput(">", title);
      const row = this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: title }).first();
      await row.click({ timeout: 5000 * patience() });
      return true;
    });
  }

  /** Picks an entry of the open quick pick by a part of its label. */
  async pick(label: string): Promise<void> {
    await this.page
      .locator(".quick-input-list .monaco-list-row")
      .filter({ hasText: label })
      .first()
      .click({ timeout: 10_000 * patience() });
  }

  /** The texts of the visible code lenses, top to bottom, one string for each link. */
  async codeLenses(): Promise<string[]> {
    const rows = await this.editor.locator(".codelens-decoration").evaluateAll((nodes) =>
      nodes
        .map((node) => ({
          top: node.getBoundingClientRect().top,
          texts: [...node.querySelectorAll("a, span:not(.codicon):not(:has(a))")].map(
            (part) => part.textContent ?? "",
          ),
        }))
        .sort((a, b) => a.top - b.top)
        .map(({ texts }) => texts),
    );
    return rows
      .flat()
      .map(plain)
      .filter((text) => text !== "" && text !== "|");
  }

  /** Waits for a lens that matches and gives its text. */
  async codeLens(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    let seen: string[] = [];
    return until(
      `a code lens ${pattern}`,
      async () => {
        seen = await this.codeLenses();
        const found = seen.find((text) => pattern.test(text));
        if (found === undefined) throw new Error(`there are ${JSON.stringify(seen)}`);
        return found;
      },
      timeoutMs,
    );
  }

  /** Clicks the first lens that matches. */
  async clickCodeLens(pattern: RegExp, timeoutMs = 30_000): Promise<void> {
    await this.codeLens(pattern, timeoutMs);
    const link = this.editor.locator(".codelens-decoration a").filter({ hasText: pattern }).first();
    // Lenses are replaced as they change; a click that has gone out must not be repeated, though.
    await until(`a click on the code lens ${pattern}`, async () => {
      await link.click({ timeout: 3000 * patience(), trial: true });
      await link.click({ timeout: 10_000 * patience(), noWaitAfter: true });
      return true;
    });
  }

  /**
   * The inlay hints of the visible lines: line number to the hints' texts in order. Hints are text
   * that the document has not: they are told apart by their decoration classes.
   */
  async inlayHints(): Promise<Map<number, string[]>> {
    const found = await this.editor.evaluate((editor) => {
      const rules = new Map<string, string>();
      for (const sheet of document.styleSheets) {
        let list: CSSRuleList;
        try {
          list = sheet.cssRules;
        } catch {
          continue;
        }
        for (const rule of list) {
          if (!(rule instanceof CSSStyleRule)) continue;
          const content = rule.style.content;
          if (content === "" || content === "normal" || content === "none") continue;
          for (const match of rule.selectorText.matchAll(/\.(dyn-rule-[\w-]+)/g)) {
            rules.set(match[1] ?? "", content);
          }
        }
      }
      const numbers = [...editor.querySelectorAll<HTMLElement>(".margin-view-overlays .line-numbers")].map(
        (node) => ({ line: Number(node.textContent), top: node.getBoundingClientRect().top }),
      );
      return [...editor.querySelectorAll<HTMLElement>(".view-line")].flatMap((row) => {
        const top = row.getBoundingClientRect().top;
        const line = numbers.find((number) => Math.abs(number.top - top) < 4)?.line;
        const hints = [...row.querySelectorAll<HTMLElement>("[class*='dyn-rule']")].map((node) => {
          const own = node.textContent ?? "";
          const styled = [...node.classList]
            .map((name) => rules.get(name))
            .find((text) => text !== undefined);
          return own !== "" ? own : (styled ?? "").replace(/^"|"$/g, "");
        });
        return line === undefined || hints.length === 0 ? [] : [{ line, hints }];
      });
    });
    const hints = new Map<number, string[]>();
    for (const { line, hints: texts } of found) {
      const kept = texts.map(plain).filter((text) => text !== "");
      if (kept.length > 0) hints.set(line, kept);
    }
    return hints;
  }

  /** Waits for an inlay hint that matches and gives the line it is on. */
  async inlayHint(pattern: RegExp, timeoutMs = 30_000): Promise<number> {
    return until(
      `an inlay hint ${pattern}`,
      async () => {
        const hints = await this.inlayHints();
        for (const [line, texts] of hints) if (pattern.test(texts.join(""))) return line;
        throw new Error(`there are ${JSON.stringify([...hints])}`);
      },
      timeoutMs,
    );
  }

  /** What the Problems view lists. */
  async problems(): Promise<Problem[]> {
    const panel = this.page.locator(".markers-panel");
    if (!(await panel.isVisible())) {
      await this.runCommand("Problems: Focus on Problems View");
      await panel.waitFor();
    }
    // Read at one moment: the rows are replaced as problems come and go.
    const rows = await panel.locator(".monaco-list-row").evaluateAll((nodes) =>
      nodes.map((node) => ({
        file: node.querySelector(".monaco-icon-label .label-name")?.textContent ?? undefined,
        message: [...node.querySelectorAll(".marker-message")].map((part) => part.textContent ?? ""),
        text: node.textContent ?? "",
        icon: node.querySelector(".marker-icon .codicon")?.className ?? "",
      })),
    );
    const found: Problem[] = [];
    let current = "";
    for (const { file, message, text, icon } of rows) {
      if (file !== undefined) {
        current = plain(file);
        continue;
      }
      const at = /Ln (\d+), Col (\d+)/.exec(text);
      found.push({
        file: current,
        message: plain(message.join("\n")),
        severity: icon.includes("error") ? "error" : icon.includes("warning") ? "warning" : "info",
        line: Number(at?.[1] ?? 0),
        column: Number(at?.[2] ?? 0),
      });
    }
    return found;
  }

  /** Waits for a problem whose message matches. */
  async problem(pattern: RegExp, timeoutMs = 30_000): Promise<Problem> {
    return until(
      `a problem ${pattern}`,
      async () => {
        const problems = await this.problems();
        const found = problems.find(({ message }) => pattern.test(message));
        if (found === undefined) throw new Error(`there are ${JSON.stringify(problems)}`);
        return found;
      },
      timeoutMs,
    );
  }

  /** Puts the cursor at a line (from 1) of the active editor. */
  async goTo(line: number, column = 1): Promise<void> {
    await this.#quickInput("", `:${line}:${column}`);
    const row = this.page
      .locator(".quick-input-list .monaco-list-row")
      .filter({ hasText: /line \d|\bgo to\b/i });
    await row.first().waitFor();
    await this.page.keyboard.press("Enter");
    await until(`the cursor on line ${line}`, async () =>
      (await this.statusBar()).some((text) => text.includes(`Ln ${line}, Col ${column}`)),
    );
  }

  /** Replaces the whole text of a line of the active editor, as typed. */
  async replaceLine(line: number, text: string): Promise<void> {
    await this.goTo(line);
    await this.page.keyboard.press("Home");
    await this.page.keyboard.press("Home");
    await this.page.keyboard.press("Shift+End");
    await this.page.keyboard.insertText(text);
  }

  async save(): Promise<void> {
    await this.page.keyboard.press("Control+S");
    await this.page.waitForSelector(".tab.active:not(.dirty)");
  }

  /** The rows of a native tree or list view on the screen, as a screen reader says them. */
  async treeRows(title: string): Promise<string[]> {
    // A container with one view has no pane header: its list carries the view's name all the same.
    const pane = this.page.locator(`.monaco-list[aria-label^="${title}"]`).first();
    const rows = await pane.locator(".monaco-list-row").evaluateAll((nodes) =>
      nodes
        .map((node) => ({
          top: node.getBoundingClientRect().top,
          text: node.getAttribute("aria-label") ?? node.textContent ?? "",
        }))
        .sort((a, b) => a.top - b.top)
        .map(({ text }) => text),
    );
    return rows.map(plain);
  }

  /** Opens a view container of the activity bar by its title. */
  async openContainer(title: string): Promise<void> {
    await this.page
      .locator(
        `.activitybar .action-item a[aria-label^="${title}"], .activitybar a.action-label[aria-label^="${title}"]`,
      )
      .first()
      .click();
  }

  /** Chooses from the menu of a file or folder in the explorer. */
  async openContextMenu(entry: string, item: string): Promise<void> {
    const row = this.page
      .locator(".explorer-folders-view .monaco-list-row")
      .filter({ has: this.page.getByText(entry, { exact: true }) })
      .first();
    const choice = this.page.locator(".monaco-menu .action-menu-item").filter({ hasText: item });
    await until(`the menu of ${entry}`, async () => {
      await this.page.keyboard.press("Escape");
      await row.click({ button: "right", timeout: 5000 * patience() });
      await choice.click({ timeout: 5000 * patience() });
      // A menu takes no click right after it opened; it closes on the one it took.
      await choice.waitFor({ state: "detached", timeout: 2000 * patience() });
      return true;
    });
  }

  /**
   * The inner frame of a webview, found by something in it: a webview's document lives two frames
   * down from the workbench.
   */
  async webview(selector: string, timeoutMs = 30_000): Promise<Frame> {
    return until(
      `a webview with ${selector}`,
      async () => {
        for (const frame of this.page.frames()) {
          if (frame === this.page.mainFrame()) continue;
          try {
            if ((await frame.locator(selector).count()) > 0) return frame;
          } catch {
            // The frame went away while it was looked at.
          }
        }
        const urls = this.page.frames().map((frame) => frame.url().slice(0, 80));
        throw new Error(`frames: ${urls.join(" ")}`);
      },
      timeoutMs,
    );
  }

  /** The notifications on the screen. */
  async notifications(): Promise<string[]> {
    const texts = await this.page.locator(".notification-list-item-message").allTextContents();
    return texts.map(plain);
  }

  /** Waits for a notification that matches and gives its text. */
  async notification(pattern: RegExp, timeoutMs = 60_000): Promise<string> {
    return until(
      `a notification ${pattern}`,
      async () => {
        const texts = await this.notifications();
        const found = texts.find((text) => pattern.test(text));
        if (found === undefined) throw new Error(`there are ${JSON.stringify(texts)}`);
        return found;
      },
      timeoutMs,
    );
  }

  /** Waits for a notification and presses one of its buttons. */
  async clickNotification(pattern: RegExp, button: string, timeoutMs = 60_000): Promise<void> {
    await this.notification(pattern, timeoutMs);
    const item = this.page.locator(".notification-list-item").filter({ hasText: pattern });
    await item.getByRole("button", { name: button, exact: true }).first().click();
  }

  /** Opens the suggestions at the cursor and gives the labels that are on the screen. */
  async suggestions(timeoutMs = 30_000): Promise<string[]> {
    const rows = this.page.locator(".suggest-widget.visible .monaco-list-row .label-name");
    return until(
      "suggestions",
      async () => {
        await this.page.keyboard.press("Escape");
        await this.page.keyboard.press("Control+Space");
        await rows.first().waitFor({ timeout: 5000 * patience() });
        return (await rows.allTextContents()).map(plain);
      },
      timeoutMs,
    );
  }

  /** Applies a quick fix by its title: with the cursor on a line of the active editor, from the light bulb's menu. */
  async quickFix(line: number, title: string, column = 1): Promise<void> {
    await this.page.locator(".editor-group-container.active .view-lines").first().click();
    await this.goTo(line, column);
    const row = this.page.locator(".action-widget .monaco-list-row").filter({ hasText: title });
    await until(`the quick fix “${title}”`, async () => {
      await this.page.keyboard.press("Escape");
      await this.page.keyboard.press("Control+.");
      await row.first().click({ timeout: 5000 * patience() });
      return true;
    });
  }

  /** The texts of the status bar's items. */
  async statusBar(): Promise<string[]> {
    const texts = await this.page.locator(".statusbar-item").allTextContents();
    return texts.map(plain).filter((text) => text !== "");
  }

  /** Chooses a colour theme by its name, as `Dark Modern` or `Light Modern`. */
  async setTheme(name: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget .quick-input-box input");
    await until(`the theme ${name}`, async () => {
      await this.runCommand("Preferences: Color Theme");
      // The list goes away when something else takes the focus meanwhile.
      await input.fill(name, { timeout: 5000 * patience() });
      await this.pick(name);
      await input.waitFor({ state: "hidden", timeout: 5000 * patience() });
      return true;
    });
    await this.page.waitForTimeout(500);
  }

  async setViewport(width: number, height: number): Promise<void> {
    await this.page.setViewportSize({ width, height });
    await this.page.waitForTimeout(300);
  }

  /** Saves what is on the screen to out/screenshots. */
  async screenshot(name: string): Promise<string> {
    fs.mkdirSync(screenshots, { recursive: true });
    const file = path.join(screenshots, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  /** Runs a test; when it fails, leaves a screenshot and adds the extension host's log to the error. */
  async attempt<T>(name: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      const file = await this.screenshot(`failed-${name}`).catch(() => "no screenshot");
      console.error(
        `${name} failed: ${file}\n${this.consoleLines.slice(-15).join("\n")}\n${this.#host.logs()}`,
      );
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
