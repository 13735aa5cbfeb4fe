import { fileURLToPath } from "node:url";
import * as library from "../../../runtime/index.js";
import { bundle } from "../../../runtime/source/bundle.js";
import { load } from "../../../runtime/source/load.js";

/** The exports of a file under examples/, which uses the library that the tests use. */
export async function example<T>(name: string): Promise<T> {
  const file = fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url));
  const { code, format } = await bundle({ file, overlay: [] });
  return (await load({ code, format, script: name }, library)) as T;
}

/** What a training function reports while it runs, by tag; what it prints is left out. */
export function quietly<T>(body: () => T): { readonly result: T; readonly points: Map<string, number[]> } {
  const points = new Map<string, number[]>();
  const { log } = console;
  library.setReportSink(({ tag, value }) => {
    points.set(tag, [...(points.get(tag) ?? []), value]);
  });
  library.setProgressSink(() => undefined);
  console.log = () => undefined;
  try {
    return { result: body(), points };
  } finally {
    console.log = log;
    library.setReportSink(undefined);
    library.setProgressSink(undefined);
  }
}
