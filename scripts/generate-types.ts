/**
 * Writes the TypeScript face of the op records: interfaces with overloads, parameter names and hover text for `torch`,
 * `F` and the methods of `Tensor`. Run by the build after the records are transpiled; the result is not checked in.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { records } from "../runtime/ops/index.js";
import { isAbsent, isPlanned, spelled, whyAbsent } from "../runtime/ops/absent.js";
import { names } from "../runtime/ops/install.js";
import { namesOf, tensorProperties, type Section } from "../runtime/names.js";
import type { OpRecord, Space } from "../runtime/ops/record.js";
import { functional, torch } from "../runtime/torch.js";
import { Tensor } from "../runtime/tensor/tensor.js";
import { camel, type Parameter, type Signature, type TypeWord } from "../runtime/ops/schema.js";

const words: Readonly<Record<TypeWord, string>> = {
  Tensor: "Tensor",
  Scalar: "Scalar",
  "Tensor|Scalar": "Tensor | Scalar",
  int: "number",
  float: "number",
  bool: "boolean",
  str: "string",
  dtype: "DType",
  device: "DeviceLike",
  generator: "Generator",
  memory_format: "MemoryFormat",
  storage: "StorageHandle",
  "Tensor|storage": "Tensor | StorageHandle",
  qtensor: "QuantizedTensor",
  qdtype: "QuantizedDType",
  any: "unknown",
  "int?": "number | null",
  "Tensor?": "Tensor | null",
  "int|str": "number | string",
  "float|str": "number | string",
  "int|Tensor": "number | Tensor",
  "int[]|str": "number | readonly number[] | string",
};

const reserved = new Set([
  "function",
  "var",
  "in",
  "default",
  "else",
  "new",
  "delete",
  "with",
  "from",
  "enum",
]);
const paramName = (p: Parameter): string => (reserved.has(p.option) ? `${p.option}_` : p.option);

function typeOf(p: Parameter): string {
  let t = words[p.type];
  if (p.type === "any") return "unknown";
  if (p.list >= 0)
    t = p.type.startsWith("Tensor")
      ? `readonly (${t})[]`
      : `${t} | readonly ${t.includes("|") ? `(${t})` : t}[]`;
  return p.nullable ? `${t} | null` : t;
}

function returnType(text: string): string {
  if (text.startsWith("(")) {
    const parts = text
      .slice(1, -1)
      .split(", ")
      .map((p) => p.split(" ") as [string, string]);
    const fields = parts
      .map(([, n], i) => `readonly ${camel(n)}: Tensor; readonly ${String(i)}: Tensor`)
      .join("; ");
    return `{ ${fields}; readonly length: ${String(parts.length)}; [Symbol.iterator](): Iterator<Tensor> }`;
  }
  if (text === "Tensor[]") return "Tensor[]";
  if (text === "None") return "void";
  if (text.endsWith("[]")) return `${words[text.slice(0, -2) as TypeWord]}[]`;
  return words[text as TypeWord];
}

/** One declaration per prefix of the optional positional parameters, each ending in the options object. */
function declarations(name: string, signature: Signature, isMethod: boolean): string[] {
  const all = isMethod ? signature.parameters.slice(1) : signature.parameters;
  const required = all.filter((p) => p.required);
  const optional = all.filter((p) => !p.required && !p.keywordOnly);
  const named = all.filter((p) => !p.required);
  const options = `{ ${named.map((p) => `readonly ${p.option}?: ${typeOf(p)} | undefined`).join("; ")} }`;
  const fixed = required.filter((p) => !p.varargs).map((p) => `${paramName(p)}: ${typeOf(p)}`);
  const varargs = required.find((p) => p.varargs);
  const result = returnType(signature.returns);
  // Unquoted, it would be a construct signature.
  const property = name === "new" ? '"new"' : name;
  const lines: string[] = [];
  const emit = (params: readonly string[]): void => {
    lines.push(`${property}(${params.join(", ")}): ${result};`);
  };
  if (varargs) {
    const element = words[varargs.type];
    const size = `${paramName(varargs)}: readonly ${element}[]`;
    emit([...fixed, `...${paramName(varargs)}: ${element}[]`]);
    emit([...fixed, size, ...(named.length ? [`options?: ${options}`] : [])]);
    if (named.length) {
      const spread = `...${paramName(varargs)}AndOptions: [...${element}[], ${options}]`;
      emit([...fixed, spread]);
    }
    return lines;
  }
  const tail = named.length ? [`options?: ${options}`] : [];
  emit([...fixed, ...optional.map((p) => `${paramName(p)}?: ${typeOf(p)}`), ...tail]);
  for (let k = optional.length - 1; k >= 0; k--) {
    emit([
      ...fixed,
      ...optional.slice(0, k).map((p) => `${paramName(p)}: ${typeOf(p)} | undefined`),
      `options: ${options}`,
    ]);
  }
  return lines;
}

function comment(doc: string): string {
  return `/** ${doc.replaceAll("*/", "*\\/").split("\n").join("\n * ")} */`;
}

function members(space: Space): string {
  const out: string[] = [];
  const emit = (record: OpRecord, name: string, doc: string, inplace: boolean): void => {
    const signatures = record.overloads.map((o) => o.signature);
    for (const signature of signatures) {
      for (const line of declarations(name, signature, space === "Tensor")) {
        const text = inplace && space === "Tensor" ? line.replace(/\): Tensor;$/, "): this;") : line;
        out.push(`  ${comment(doc)}\n  ${text}`);
      }
    }
  };
  for (const { record } of records) {
    if (!record.on.includes(space)) continue;
    for (const name of names(record)) {
      emit(record, camel(name), record.doc, false);
      if (record.inplace) emit(record, camel(`${name}_`), `In place: ${record.doc}`, true);
    }
  }
  return out.join("\n");
}

const holders: Readonly<Record<Exclude<Space, "init">, readonly [section: Section, holder: object]>> = {
  torch: ["torch", torch],
  Tensor: ["Tensor", Tensor.prototype],
  F: ["nn.functional", functional],
  linalg: ["linalg", torch.linalg],
  special: ["special", torch.special],
  fft: ["fft", torch.fft],
};

/** What is to come, so that an editor says so where it is called: it has no call signature. */
function planned(space: Space): string {
  if (space === "init") return "";
  const [section, holder] = holders[space];
  return namesOf(section)
    .filter((name) => isAbsent(holder, camel(name)) && isPlanned(section, name))
    .filter((name) => section !== "Tensor" || !tensorProperties.has(name))
    .map((name) => {
      const doc = `Not implemented: ${whyAbsent(section, name)}.\n@deprecated`;
      return `  ${comment(doc)}\n  readonly ${camel(name)}: NotImplemented<"${spelled(section, name)}">;`;
    })
    .join("\n");
}

const header = `import type { DType } from "../tensor/dtype.js";
import type { DeviceLike } from "../tensor/device.js";
import type { Generator } from "../tensor/generator.js";
import type { MemoryFormat } from "../tensor/memoryFormat.js";
import type { QuantizedDType, QuantizedTensor } from "../tensor/quantized.js";
import type { StorageHandle } from "../tensor/storageHandle.js";
import type { NotImplemented, Scalar } from "../ops/schema.js";
`;

const files: Record<string, string> = {
  "methods.ts": `${header}import type { Tensor } from "../tensor/tensor.js";

declare module "../tensor/tensor.js" {
  interface Tensor {
${members("Tensor")}
${planned("Tensor")}
  }
}
`,
  "functions.ts": `${header}import "./methods.js";
import type { Tensor } from "../tensor/tensor.js";

${(["torch", "F", "linalg", "special", "fft", "init"] as const)
  .map(
    (s) =>
      `export interface ${s[0]!.toUpperCase()}${s.slice(1)}Functions {\n${members(s)}\n${planned(s)}\n}\n`,
  )
  .join("\n")}`,
};

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const folder = join(root, "runtime", "generated");
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const path = join(folder, name);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  const temporary = `${path}.${String(process.pid)}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}
