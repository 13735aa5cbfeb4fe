/** Fills `{name}` places in a text; a place without a value stays as it is, so that it is noticed. */
export function format(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => (name in values ? String(values[name]) : place));
}
