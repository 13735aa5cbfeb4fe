/** ESLint and Prettier over the tree; closes with the counts of files. */
import { ESLint } from "eslint";
import * as prettier from "prettier";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

const fix = process.argv.includes("--fix");
const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && fs.existsSync(file));

const problems = new Map();
const report = (file, text) => problems.set(file, [...(problems.get(file) ?? []), text]);

const eslint = new ESLint({ fix, cache: true, cacheLocation: ".cache/eslint" });
const results = await eslint.lintFiles(
  files.filter((file) => /\.(ts|js|mjs)$/.test(file) && !file.includes("fixtures/")),
);
if (fix) await ESLint.outputFixes(results);
for (const { filePath, messages } of results) {
  const file = filePath.slice(process.cwd().length + 1).replaceAll("\\", "/");
  for (const { line, column, message, ruleId } of messages) {
    report(file, `${file}:${line}:${column} ${message} (${ruleId ?? "parse"})`);
  }
}

let checked = 0;
for (const file of files) {
  const { ignored, inferredParser } = await prettier.getFileInfo(file, { ignorePath: ".prettierignore" });
  if (ignored || inferredParser === null) continue;
  checked += 1;
  const options = { ...(await prettier.resolveConfig(file)), filepath: file };
  const text = fs.readFileSync(file, "utf8");
  try {
    if (fix) {
      const formatted = await prettier.format(text, options);
      if (formatted !== text) fs.writeFileSync(file, formatted);
    } else if (!(await prettier.check(text, options))) {
      report(file, `${file} is not formatted: npm run format`);
    }
  } catch (error) {
    report(file, `${file} ${error.message}`);
  }
}

for (const texts of problems.values()) for (const text of texts) console.error(text);
console.log(`${Math.max(checked, problems.size) - problems.size} passed, ${problems.size} failed`);
process.exitCode = problems.size === 0 ? 0 : 1;
