import { h } from "../shared/dom.js";
import type { RunPhase, RunStateMessage } from "../shared/protocol.js";
import { duration, measured } from "../shared/text.js";
import { button } from "../shared/ui.js";
import type { Button } from "../shared/ui.js";
import type { CurvesPage } from "./chart.js";

const active: readonly RunPhase[] = ["starting", "running", "paused", "cancelling"];

interface Line {
  readonly element: HTMLElement;
  readonly phase: HTMLElement;
  readonly text: HTMLElement;
  readonly bar: HTMLElement;
  readonly fill: HTMLElement;
  readonly cancel: Button;
  shown: RunPhase | undefined;
}

/** A line per active run: phase, step k of n, rate, time left, a bar and Cancel. Lines change in place. */
export class StatusLines {
  readonly element = h("div", { class: "status-lines" });
  readonly #page: CurvesPage;
  readonly #lines = new Map<string, Line>();

  constructor(page: CurvesPage) {
    this.#page = page;
  }

  /** Shows the active runs, or else the one that ended last. */
  show(states: ReadonlyMap<string, RunStateMessage>, several: boolean): void {
    const all = [...states.values()];
    const running = all.filter(({ phase }) => active.includes(phase));
    const shown = running.length > 0 ? running : all.slice(-1);
    for (const [run, { element }] of this.#lines) {
      if (shown.some((state) => state.run === run)) continue;
      element.remove();
      this.#lines.delete(run);
    }
    for (const state of shown) this.#update(state, several);
  }

  #line(run: string): Line {
    const existing = this.#lines.get(run);
    if (existing !== undefined) return existing;
    const { t, channel } = this.#page;
    const phase = h("b");
    const text = h("span", { class: "status-text" });
    const filled = h("span");
    const bar = h("div", { class: "progress", role: "progressbar", "aria-valuemin": 0 }, filled);
    const cancel = button({
      text: t("cancel"),
      label: t("cancelRun", { run }),
      onClick() {
        // At once, before the host answers: a second click would do nothing.
        cancel.disabled = true;
        channel.send({ type: "cancel", run });
      },
    });
    const element = h("div", { class: "status-line", "data-run": run }, phase, text, bar, cancel);
    this.element.append(element);
    const line = { element, phase, text, bar, fill: filled, cancel, shown: undefined };
    this.#lines.set(run, line);
    return line;
  }

  #update(state: RunStateMessage, several: boolean): void {
    const { t, numbers, announce } = this.#page;
    const { run, phase, step, total, stepsPerSecond: rate, eta, message } = state;
    const line = this.#line(run);
    const isActive = active.includes(phase);
    const count = numbers.count;
    const parts = [
      several && run,
      step !== undefined &&
        (total === undefined
          ? t("stepOnly", { step: count(step) })
          : t("stepOf", { step: count(step), total: count(total) })),
      rate !== undefined &&
        rate > 0 &&
        (rate >= 1
          ? t("rate", { rate: measured(rate, 3) })
          : t("secondsPerStep", { seconds: measured(1 / rate, 3) })),
      isActive && eta !== undefined && Number.isFinite(eta) && t("eta", { time: duration(eta) }),
      message,
    ].filter((part) => part !== false && part !== undefined && part !== "");
    line.phase.textContent = t(`phase_${phase}`);
    line.text.textContent = parts.join(" · ");
    line.element.dataset["phase"] = phase;
    line.element.classList.toggle("ended", !isActive);
    const known = total !== undefined && total > 0;
    line.bar.hidden = !isActive;
    line.bar.classList.toggle("unknown", !known);
    line.bar.setAttribute("aria-label", run);
    if (known) {
      line.fill.style.width = `${Math.min(100, (100 * (step ?? 0)) / total)}%`;
      line.bar.setAttribute("aria-valuemax", String(total));
      line.bar.setAttribute("aria-valuenow", String(step ?? 0));
    } else {
      line.fill.style.width = "";
      line.bar.removeAttribute("aria-valuenow");
    }
    line.cancel.hidden = !isActive || state.cancellable === false;
    if (line.shown !== phase) {
      line.cancel.disabled = phase === "cancelling";
      announce(`${run}: ${t(`phase_${phase}`)}${message === undefined ? "" : `. ${message}`}`);
      line.shown = phase;
    }
  }
}
