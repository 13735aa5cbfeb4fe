/**
 * Opens a webview's real page and bundle in Chromium, with the test as the host: VS Code's theme variables, its
 * `acquireVsCodeApi`, our channel at the other end. The real VS Code is tested in test/host.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { createNonce, pageHtml } from "../../webview/shared/html.js";
import { Channel } from "../../webview/shared/protocol.js";
import type {
  FailedMessage,
  InitMessage,
  Message,
  ReadyMessage,
  ViewName,
} from "../../webview/shared/protocol.js";
import { webviewStrings } from "../../webview/shared/strings/index.js";
import { themes } from "./themes.js";
import type { ThemeName } from "./themes.js";

const origin = "https://webview.test";

/** Where Chromium is, if it is: `CHROMIUM_PATH`, else where Debian, Ubuntu and macOS put it. */
export function findChromium(): string | undefined {
  const places = [
    process.env["CHROMIUM_PATH"],
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ];
  return places.find((place) => place !== undefined && fs.existsSync(place));
}

/** Why the browser tests cannot run, for `test`'s `skip`; in CI they must. */
export const skip: string | false =
  findChromium() === undefined && process.env["CI"] === undefined
    ? "SKIPPED: no Chromium here (apt-get install chromium, or set CHROMIUM_PATH)"
    : false;

let browser: Browser | undefined;

async function launch(): Promise<Browser> {
  browser ??= await chromium.launch({
    executablePath: findChromium() ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
  return browser;
}

/** Ends the browser; call it after the last test. */
export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

export interface OpenOptions {
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly height?: number;
  /** `vscode.env.language`. */
  readonly locale?: string;
  /** What an earlier page saved. */
  readonly state?: unknown;
  readonly reducedMotion?: boolean;
}

/** An open webview with the test as its host. */
export interface OpenView<Out extends Message, In extends Message> {
  readonly page: Page;
  readonly channel: Channel<Out, In>;
  /** All messages from the view, in order. */
  readonly received: Message[];
  /** Uncaught errors, console errors (broken CSP among them) and `failed` messages; should stay empty. */
  readonly problems: string[];
  /** What the view has saved. */
  state(): Promise<unknown>;
  setTheme(theme: ThemeName): Promise<void>;
  screenshot(name: string): Promise<string>;
  close(): Promise<void>;
}

function applyTheme({ bodyClass, variables }: (typeof themes)[ThemeName]): void {
  const apply = () => {
    document.documentElement.removeAttribute("style");
    for (const [name, value] of Object.entries(variables)) {
      document.documentElement.style.setProperty(`--vscode-${name}`, value);
    }
    document.body.className = bodyClass;
  };
  if (document.body === null) document.addEventListener("DOMContentLoaded", apply);
  else apply();
}

/** What VS Code puts into a webview before our script runs. */
function fakeVsCode(initial: string): void {
  const window = globalThis as unknown as Record<string, unknown>;
  let state: unknown = initial === "" ? undefined : JSON.parse(initial);
  let acquired = false;
  window["acquireVsCodeApi"] = () => {
    if (acquired) throw new Error("An instance of the VS Code API has already been acquired");
    acquired = true;
    return {
      postMessage: (message: unknown) =>
        (window["toHost"] as (json: string) => void)(JSON.stringify(message)),
      getState: () => state,
      setState(value: unknown) {
        state = JSON.parse(JSON.stringify(value));
        window["savedState"] = state;
      },
    };
  };
}

/** Opens a view and answers its `ready` with `init`. */
export async function openView<Out extends Message, In extends Message>(
  view: ViewName,
  options: OpenOptions = {},
): Promise<OpenView<Out, In>> {
  const { theme = "dark", width = 900, height = 700, locale = "en", state, reducedMotion = false } = options;
  const bundle = path.resolve(`dist/webview/${view}.js`);
  if (!fs.existsSync(bundle)) throw new Error(`${bundle} is not there: run "node esbuild.js" first`);
  const context = await (
    await launch()
  ).newContext({
    viewport: { width, height },
    reducedMotion: reducedMotion ? "reduce" : "no-preference",
    forcedColors: "none",
    deviceScaleFactor: 1,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems: string[] = [];
  const received: Message[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.route(`${origin}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/") {
      const html = pageHtml({
        view,
        title: view,
        locale,
        cspSource: origin,
        scriptUri: `${origin}/${view}.js`,
        styleUri: `${origin}/${view}.css`,
        nonce: createNonce(),
      });
      await route.fulfill({ contentType: "text/html", body: html });
      return;
    }
    const file = path.resolve("dist/webview", pathname.slice(1));
    if (fs.existsSync(file)) await route.fulfill({ path: file });
    else await route.fulfill({ status: 404 });
  });
  let listener: ((message: unknown) => void) | undefined;
  await page.exposeFunction("toHost", (json: string) => {
    const wire = JSON.parse(json) as { tensorscope: string; message?: Message };
    if (wire.message !== undefined) received.push(wire.message);
    listener?.(wire);
  });
  const channel = new Channel<Out | InitMessage, In | ReadyMessage | FailedMessage>({
    post(message) {
      // As VS Code does: what does not survive JSON does not arrive.
      const copy: unknown = JSON.parse(JSON.stringify(message));
      void page.evaluate((data) => window.postMessage(data), copy).catch(() => undefined);
    },
    subscribe(next) {
      listener = next;
      return () => (listener = undefined);
    },
  });
  const host = channel as unknown as Channel<InitMessage, ReadyMessage | FailedMessage>;
  const ready = new Promise<void>((resolve) => {
    host.on("ready", () => {
      host.send({ type: "init", locale, strings: webviewStrings(view, locale) });
      resolve();
    });
  });
  host.on("failed", ({ message, stack }) => void problems.push(`failed: ${message}\n${stack ?? ""}`));
  await page.addInitScript(applyTheme, themes[theme]);
  await page.addInitScript(fakeVsCode, state === undefined ? "" : JSON.stringify(state));
  await page.goto(`${origin}/`);
  await ready;
  await page.waitForFunction(() => document.getElementById("root")?.style.visibility === "");
  return {
    page,
    channel: channel as unknown as Channel<Out, In>,
    received,
    problems,
    state: () => page.evaluate(() => (globalThis as unknown as Record<string, unknown>)["savedState"]),
    setTheme: (name) => page.evaluate(applyTheme, themes[name]),
    async screenshot(name) {
      const file = path.resolve(`out/screenshots/${name}.png`);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      await page.screenshot({ path: file });
      return file;
    },
    async close() {
      channel.close();
      await context.close();
    },
  };
}
