/** Sentences for people, written once in English and translated where they are shown. */
import type { Phrase } from "./protocol.js";

/** A sentence with holes `{0}`, `{1}` … The translations' test collects the texts of all calls. */
export function say(template: string, ...args: (string | number)[]): Phrase {
  return { template, args };
}

/** The English sentence. */
export function inEnglish({ template, args }: Phrase): string {
  return template.replace(/\{(\d+)\}/g, (hole, index: string) => String(args[Number(index)] ?? hole));
}
