import { hcl, lab, rgb } from "d3";

/** Colours for drawings, read from VS Code's CSS variables. Everything else takes them in CSS. */
export interface Theme {
  readonly dark: boolean;
  readonly highContrast: boolean;
  readonly background: string;
  readonly foreground: string;
  /** For axes and captions. */
  readonly muted: string;
  /** For grid lines. */
  readonly faint: string;
  readonly focus: string;
  readonly error: string;
  /** Colours of curves and blocks, all told from the background by at least 3 : 1. */
  readonly series: readonly string[];
}

const chartVariables = ["blue", "orange", "green", "purple", "red", "yellow"] as const;
/** Hues that fill up where a theme's chart colours are too much alike. */
const spareHues = [200, 345, 75, 150, 310, 30];
const seriesCount = 7;

const fallbacks = {
  light: ["#1a85ff", "#d18616", "#388a34", "#652d90", "#e51400", "#bf8803"],
  dark: ["#3794ff", "#d18616", "#89d185", "#b180d7", "#f14c4c", "#cca700"],
} as const;

/** Relative luminance of a colour, WCAG 2.1. */
function luminance(color: string): number {
  const { r, g, b } = rgb(color);
  const linear = (channel: number) => {
    const c = channel / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** Contrast ratio of two colours, WCAG 2.1: `(L₁ + 0.05) / (L₂ + 0.05)`. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** The colour, made lighter or darker until it stands out from the background by this ratio. */
export function readable(color: string, background: string, ratio: number): string {
  const away = luminance(background) < 0.4 ? 2 : -2;
  const result = hcl(color);
  for (let i = 0; i < 60 && contrast(result.formatHex(), background) < ratio; i++) result.l += away;
  return result.formatHex();
}

/** The first few colours of which no two are easily taken for each other. */
function distinct(colors: readonly string[]): string[] {
  const kept: string[] = [];
  for (const color of colors) {
    if (kept.length < seriesCount && kept.every((other) => difference(color, other) > 38)) kept.push(color);
  }
  return kept;
}

/** How different two colours look: their distance in CIELAB. */
function difference(a: string, b: string): number {
  const [x, y] = [lab(a), lab(b)];
  return Math.hypot(x.l - y.l, x.a - y.a, x.b - y.b);
}

/** Black or white, whichever is easier to read on a colour. */
export function inkOn(color: string): string {
  return contrast(color, "#000000") >= contrast(color, "#ffffff") ? "#000000" : "#ffffff";
}

/** The theme the page has now. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const variable = (...names: string[]) => {
    for (const name of names) {
      const value = style.getPropertyValue(`--vscode-${name}`).trim();
      if (value !== "") return value;
    }
    return undefined;
  };
  const { classList } = document.body;
  const highContrast =
    classList.contains("vscode-high-contrast") || classList.contains("vscode-high-contrast-light");
  const background = variable("editor-background", "sideBar-background") ?? "#ffffff";
  const dark = luminance(background) < 0.4;
  const foreground = variable("editor-foreground", "foreground") ?? (dark ? "#cccccc" : "#333333");
  const ratio = highContrast ? 4.5 : 3;
  return {
    dark,
    highContrast,
    background,
    foreground,
    muted: highContrast ? foreground : (variable("descriptionForeground") ?? foreground),
    faint: withAlpha(foreground, highContrast ? 0.35 : 0.13),
    focus: variable("focusBorder") ?? foreground,
    error: readable(variable("errorForeground") ?? "#f14c4c", background, ratio),
    series: distinct(
      [
        ...chartVariables.map(
          (name, i) => variable(`charts-${name}`) ?? fallbacks[dark ? "dark" : "light"][i]!,
        ),
        ...spareHues.map((hue) => hcl(hue, 55, dark ? 70 : 45).formatHex()),
      ].map((color) => readable(color, background, ratio)),
    ),
  };
}

/** A colour with its opacity scaled. */
export function withAlpha(color: string, alpha: number): string {
  const result = rgb(color);
  result.opacity *= alpha;
  return result.formatRgb();
}

/** Calls back after every change of theme. Returns the function that stops it. */
export function onThemeChange(listener: (theme: Theme) => void): () => void {
  let before = "";
  const check = () => {
    const theme = readTheme();
    const key = JSON.stringify(theme);
    if (key === before) return;
    before = key;
    listener(theme);
  };
  before = JSON.stringify(readTheme());
  // VS Code writes the variables to <html style> and the kind of theme to <body class>.
  const observer = new MutationObserver(check);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class"] });
  observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-vscode-theme-id"] });
  return () => observer.disconnect();
}
