import assert from "node:assert/strict";
import { test } from "node:test";
import ts from "typescript";
import { setProperty } from "../../../src/intellisense/config.js";

const key = ["compilerOptions", "paths", "tensorscope"];
const set = (text: string) => setProperty(ts, text, key, ["./types/index.d.ts"]);

test("a property goes where it belongs, and everything else stays as it was", () => {
  const text = `{
  // why strict
  "compilerOptions": {
    "strict": true, /* always */
    "paths": {
      "@/*": ["./src/*"], // ours
    },
  },
  "include": ["src"]
}
`;
  assert.equal(
    set(text),
    text.replace('"paths": {', '"paths": {\n      "tensorscope": ["./types/index.d.ts"],'),
  );
  assert.equal(set(set(text)), set(text), "setting it again changes nothing");
});

test("objects on the way are made, in the file's own indentation", () => {
  assert.equal(
    set(`{\n\t"compilerOptions": {\n\t\t"strict": true\n\t}\n}\n`),
    `{\n\t"compilerOptions": {\n\t\t"paths": {\n\t\t\t"tensorscope": ["./types/index.d.ts"]\n\t\t},\n\t\t"strict": true\n\t}\n}\n`,
  );
  assert.equal(
    set("{}"),
    `{\n  "compilerOptions": {\n    "paths": {\n      "tensorscope": ["./types/index.d.ts"]\n    }\n  }\n}`,
  );
});

test("an empty file becomes a configuration; what is no object is replaced", () => {
  for (const text of ["", "// nothing yet\n", "[]"]) {
    const { config, error } = ts.parseConfigFileTextToJson("tsconfig.json", set(text)) as {
      config?: { compilerOptions: { paths: object } };
      error?: unknown;
    };
    assert.equal(error, undefined);
    assert.deepEqual(config?.compilerOptions.paths, { tensorscope: ["./types/index.d.ts"] });
  }
  assert.match(set(`{ "compilerOptions": { "paths": null } }`), /"paths": \{\n.*"tensorscope"/);
});
