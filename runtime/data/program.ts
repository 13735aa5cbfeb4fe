/** The user's program, as threads that load data need it: what its classes and functions are called. */

/** A bundle under the name its stack frames have. */
export interface Program {
  readonly code: string;
  readonly format: "cjs" | "esm";
  readonly script: string;
}

interface Running extends Program {
  /** The value of an identifier at the top level of the bundle. */
  readonly find: (name: string) => unknown;
}

let running: Running | undefined;

/** Says what runs on this thread. */
export function enterProgram(program: Program, find: (name: string) => unknown): void {
  running = { ...program, find };
}

export function currentProgram(): Program | undefined {
  if (running === undefined) return undefined;
  const { code, format, script } = running;
  return { code, format, script };
}

/** What has this name at the top level of the program, if anything has. */
export function findInProgram(name: string): unknown {
  if (running === undefined || !/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) return undefined;
  try {
    return running.find(name);
  } catch {
    // Not there, or not yet.
    return undefined;
  }
}

/** The bundler puts a number behind a name that several files have. */
const namesakes = 40;

/** The name by which `findInProgram` finds a class or a function. */
export function nameInProgram(value: { readonly name: string }): string | undefined {
  for (let i = 1; i <= namesakes; i++) {
    const name = i === 1 ? value.name : `${value.name}${String(i)}`;
    if (findInProgram(name) === value) return name;
  }
  return undefined;
}
