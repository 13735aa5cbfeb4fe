import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** A folder of a test's own, to open and to edit. */
export interface Workspace {
  readonly folder: string;
  read(file: string): string;
  write(file: string, text: string): void;
  remove(): void;
}

/** Makes a workspace from files by name, or from copies of existing folders and files. */
export function makeWorkspace(
  files: Readonly<Record<string, string>>,
  copies: readonly string[] = [],
): Workspace {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-workspace-"));
  const write = (file: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  };
  for (const copy of copies) {
    const isFolder = fs.statSync(copy).isDirectory();
    fs.cpSync(copy, isFolder ? folder : path.join(folder, path.basename(copy)), { recursive: true });
  }
  for (const [file, text] of Object.entries(files)) write(file, text);
  return {
    folder,
    write,
    read: (file) => fs.readFileSync(path.join(folder, file), "utf8"),
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}
