import { Channel } from "./protocol.js";
import type { FailedMessage, InitMessage, Message, ReadyMessage, StringTable } from "./protocol.js";
import { hostEndpoint } from "./state.js";
import { format } from "./strings/format.js";
import { numberTexts, supported } from "./text.js";
import type { NumberTexts } from "./text.js";
import { onThemeChange, readTheme } from "./theme.js";
import type { Theme } from "./theme.js";

/** Texts of a view by key, with values filled in. */
export type Translate<S> = (
  key: keyof S & string,
  values?: Readonly<Record<string, string | number>>,
) => string;

/** What a view gets to work with. */
export interface Page<Out extends Message, In extends Message, S extends StringTable> {
  readonly root: HTMLElement;
  readonly channel: Channel<Out, In>;
  readonly t: Translate<S>;
  readonly locale: string;
  readonly numbers: NumberTexts;
  readonly theme: Theme;
  /** Says something to screen readers. */
  announce(text: string): void;
}

/** A view: `mount` builds the page (again, when the language changes), `themed` redraws what CSS cannot. */
export interface View<Out extends Message, In extends Message, S extends StringTable> {
  readonly english: S;
  mount(page: Page<Out, In, S>): void;
  themed(): void;
  /** Registers the handlers of the view's messages. */
  listen(channel: Channel<Out, In>): void;
}

/** Starts a view: connects, waits for `init`, mounts. */
export function startView<Out extends Message, In extends Message, S extends StringTable>(
  view: View<Out, In, S>,
): void {
  const channel = new Channel<Out | ReadyMessage | FailedMessage, In | InitMessage>(hostEndpoint);
  const fail = (error: unknown) => {
    const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    channel.send({ type: "failed", message, stack });
  };
  window.addEventListener("error", (event) => fail(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => fail(event.reason));

  const root = document.getElementById("root");
  if (root === null) throw new Error("the page has no #root");
  const live = document.createElement("div");
  live.className = "sr-only";
  live.setAttribute("role", "status");
  document.body.append(live);

  let strings: S = view.english;
  let theme = readTheme();
  const own = channel as unknown as Channel<Out, In>;
  const mount = (locale: string) => {
    const tag = supported(locale);
    document.documentElement.lang = tag;
    view.mount({
      root,
      channel: own,
      locale: tag,
      numbers: numberTexts(tag),
      t: (key, values = {}) => format(strings[key] ?? key, values),
      get theme() {
        return theme;
      },
      announce: (text) => {
        live.textContent = text;
      },
    });
  };
  onThemeChange((next) => {
    theme = next;
    view.themed();
  });
  const initialised = channel as unknown as Channel<ReadyMessage, InitMessage>;
  initialised.on("init", (message) => {
    strings = { ...view.english, ...message.strings };
    mount(message.locale);
    root.style.visibility = "";
  });
  mount("en");
  // The strings follow in a moment; no flash of English before them.
  root.style.visibility = "hidden";
  setTimeout(() => (root.style.visibility = ""), 300);
  view.listen(own);
  initialised.send({ type: "ready" });
}
