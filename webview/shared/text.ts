/** Numbers, sizes and times as people read them. Pure. */

export interface NumberTexts {
  /** `61,706` */
  count(value: number): string;
  /** `61.7 k`, `1.82 G`; counts below 10 000 in full. */
  compact(value: number): string;
  /** `241 KiB`. */
  bytes(value: number): string;
  /** `45.3 %`; small shares that are not zero say `< 0.1 %`. */
  share(value: number): string;
}

/** Number texts in a language. */
export function numberTexts(locale: string): NumberTexts {
  const tag = supported(locale);
  const whole = new Intl.NumberFormat(tag);
  const digits = new Intl.NumberFormat(tag, { maximumSignificantDigits: 3 });
  const percent = new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const scaled = (value: number, base: number, units: readonly string[]) => {
    let unit = 0;
    // 999.6 would be written 1000: three digits round up to the next unit.
    while (unit < units.length - 1 && Math.abs(value) >= base * 0.9995) {
      value /= base;
      unit += 1;
    }
    return `${digits.format(value)}${units[unit]!}`;
  };
  return {
    count: (value) => whole.format(value),
    compact: (value) =>
      Math.abs(value) < 10_000
        ? whole.format(value)
        : scaled(value, 1000, ["", " k", " M", " G", " T", " P"]),
    bytes: (value) => scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]),
    share: (value) => {
      const percentage = value * 100;
      if (percentage > 0 && percentage < 0.1) return `< ${percent.format(0.1)} %`;
      return `${percent.format(percentage)} %`;
    },
  };
}

/** The language if this engine knows it, else English. */
export function supported(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? "en";
  } catch {
    return "en";
  }
}

/** A measured value with `digits` significant digits, without trailing zeros: `0.03125`, `1.2e-7`, `12 345`. */
export function measured(value: number, digits = 5): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e-4 && size < 10 ** Math.max(digits, 6)
      ? String(Number(value.toPrecision(Math.max(digits, Math.ceil(Math.log10(size + 1))))))
      : value
          .toExponential(digits - 1)
          .replace(/\.?0+e/, "e")
          .replace("e+", "e");
  return text.replace("-", "−").replace("e-", "e−");
}

/** Seconds as `8 s`, `1:05` or `2:03:09`; below ten seconds with a tenth. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const all = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `[1, 6, 28, 28]` */
export function shapeText(shape: readonly (number | string)[]): string {
  return `[${shape.join(", ")}]`;
}
