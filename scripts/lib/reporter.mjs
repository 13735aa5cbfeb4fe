/**
 * Reporter for `node --test`: one line per test file, failures in full, and the closing counts that
 * every suite prints.
 */
import * as path from "node:path";

const indent = (text) => text.replace(/^/gm, "    ");

function describe(error) {
  const cause = error?.cause ?? error;
  const text = cause instanceof Error || cause?.stack ? (cause.stack ?? cause.message) : String(cause);
  return text.split("\n").slice(0, 40).join("\n");
}

export default async function* report(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const files = new Map();
  let current;
  const count = (file, what) => {
    counts[what] += 1;
    if (!files.has(file)) files.set(file, { passed: 0, failed: 0, skipped: 0, ms: 0 });
    files.get(file)[what] += 1;
  };
  const line = (file) => {
    const { passed, failed, skipped, ms } = files.get(file);
    const figures = [
      `${passed} passed`,
      failed > 0 && `${failed} FAILED`,
      skipped > 0 && `${skipped} skipped`,
    ];
    const name = path.relative(process.cwd(), file).replace(/^out\//, "");
    return `  ${name}: ${figures.filter(Boolean).join(", ")} (${(ms / 1000).toFixed(1)} s)\n`;
  };
  for await (const { type, data } of source) {
    if (type === "test:pass" || type === "test:fail") {
      if (current !== undefined && data.file !== current && files.has(current)) yield line(current);
      current = data.file ?? current;
      const ownFile = data.nesting === 0 && path.resolve(data.name) === data.file;
      if (data.nesting === 0 && !ownFile) {
        if (!files.has(current)) files.set(current, { passed: 0, failed: 0, skipped: 0, ms: 0 });
        files.get(current).ms += data.details?.duration_ms ?? 0;
      }
      if (data.details?.type === "suite") continue;
      if (data.skip !== undefined && data.skip !== false) {
        count(current, "skipped");
        yield `  - skipped: ${data.name}${typeof data.skip === "string" ? ` (${data.skip})` : ""}\n`;
      } else if (type === "test:pass") {
        if (!ownFile) count(current, "passed");
      } else if (data.details?.error?.failureType !== "subtestsFailed") {
        count(current, "failed");
        yield `  ✖ ${data.name}\n${indent(describe(data.details?.error))}\n`;
      }
    } else if (type === "test:stdout" || type === "test:stderr") {
      yield data.message;
    }
  }
  if (current !== undefined && files.has(current)) yield line(current);
  yield `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}
