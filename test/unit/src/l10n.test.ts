import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import ts from "typescript";

type Bundle = Readonly<Record<string, string>>;
const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, "utf8"));

/** Every text that the extension host hands to `vscode.l10n.t`, and every sentence of the kernel, `say`. */
function textsInSource(): string[] {
  const texts = new Set<string>();
  for (const name of fs.readdirSync("src", { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const file = `src/${name.replaceAll("\\", "/")}`;
    const parsed = ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && /^((vscode\.l10n\.)?t|say)$/.test(node.expression.getText(parsed))) {
        const [text] = node.arguments;
        assert.ok(text !== undefined && ts.isStringLiteralLike(text), `${file}: t() wants a literal text`);
        texts.add(text.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(parsed);
  }
  return [...texts].sort();
}

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

/** The same keys, the same holes, nothing empty. */
function compare(translated: Bundle, original: Bundle): void {
  assert.deepEqual(Object.keys(translated).sort(), Object.keys(original).sort());
  for (const [key, text] of Object.entries(translated)) {
    assert.notEqual(text.trim(), "", key);
    assert.deepEqual(holes(text), holes(original[key]!), key);
  }
}

test("every text of the extension host is there in Chinese, and no other", () => {
  const texts = textsInSource();
  assert.ok(texts.length > 50);
  compare(
    readJson("l10n/bundle.l10n.zh-cn.json") as Bundle,
    Object.fromEntries(texts.map((text) => [text, text])),
  );
});

test("every text of the manifest is there in both languages", () => {
  const english = readJson("package.nls.json") as Bundle;
  compare(readJson("package.nls.zh-cn.json") as Bundle, english);
  const used = [...fs.readFileSync("package.json", "utf8").matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!);
  assert.deepEqual([...new Set(used)].sort(), Object.keys(english).sort());
});
