/** Texts of the webviews by language. The host picks a table and hands it over in `init`; pages hold English only. */
import type { StringTable, ViewName } from "../protocol.js";
import { calculatorEn, calculatorZhCn } from "./calculator.js";
import { curvesEn, curvesZhCn } from "./curves.js";
import { modulesEn, modulesZhCn } from "./modules.js";

const english: Record<ViewName, StringTable> = {
  modules: modulesEn,
  curves: curvesEn,
  calculator: calculatorEn,
};

const chinese: Record<ViewName, StringTable> = {
  modules: modulesZhCn,
  curves: curvesZhCn,
  calculator: calculatorZhCn,
};

/** The texts of a view in the editor's language (`vscode.env.language`): simplified Chinese, else English. */
export function webviewStrings(view: ViewName, locale: string): StringTable {
  return /^zh(-(cn|hans|sg))?($|-)/i.test(locale) && !/^zh-(tw|hk|mo|hant)/i.test(locale)
    ? chinese[view]
    : english[view];
}
