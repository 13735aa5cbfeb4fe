import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { commands, contexts, internalCommands, languages, views } from "../../../src/ids.js";

interface Manifest {
  readonly activationEvents: readonly string[];
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly icon?: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when?: string }[]>>;
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly configuration: { readonly properties: Readonly<Record<string, unknown>> };
  };
}

const manifest = JSON.parse(fs.readFileSync("package.json", "utf8")) as Manifest;
const { contributes } = manifest;

test("contributed commands are the ones that the code registers, each with an icon", () => {
  assert.deepEqual(
    contributes.commands.map(({ command }) => command).sort(),
    (Object.values(commands) as string[]).sort(),
  );
  for (const { command, icon } of contributes.commands) assert.match(icon ?? "", /^\$\([\w-]+\)$/, command);
  for (const id of Object.values(internalCommands)) assert.match(id, /^tensorscope\._/);
});

test("menus name contributed commands only, and when clauses known keys", () => {
  const known = new Set<string>([
    ...Object.values(commands),
    ...Object.values(contexts),
    ...Object.values(views),
  ]);
  for (const item of Object.values(contributes.menus).flat()) {
    assert.ok(known.has(item.command), item.command);
    for (const [key] of (item.when ?? "").matchAll(/tensorscope\.\w+/g)) assert.ok(known.has(key), key);
  }
  for (const view of Object.values(contributes.views).flat()) assert.ok(known.has(view.id), view.id);
});

test("the extension wakes up for its languages and its panels", () => {
  const { moduleTree, ...panels } = views;
  assert.deepEqual(
    [...manifest.activationEvents].sort(),
    [
      ...languages.map((language) => `onLanguage:${language}`),
      ...Object.values(panels).map((view) => `onWebviewPanel:${view}`),
    ].sort(),
  );
  assert.ok(contributes.views["tensorscope"]?.some(({ id }) => id === moduleTree));
});

test("every setting is read, and every one that is read is contributed", () => {
  const source = fs.readFileSync("src/config.ts", "utf8");
  const read = [...source.matchAll(/new ConfigValue<\w+>\("([\w.]+)"/g)].map(
    ([, key]) => `tensorscope.${key}`,
  );
  assert.deepEqual(read.sort(), Object.keys(contributes.configuration.properties).sort());
});
