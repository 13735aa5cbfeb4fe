import { camel, indexList, isMethodName } from "./call.js";
import type { Argument, CallCase, ErrorCase, Family } from "./corpus.js";
import { Decoder } from "./decode.js";
import { compareInputGradients, compareMutated, runBackward } from "./gradients.js";
import { isNotImplemented, NotThere, type Library, type Tensor } from "./library.js";
import { compareResult, type Comparison } from "./results.js";

/** A name ready to be called with a case's arguments. */
type Invocation = (decoder: Decoder, call: readonly Argument[]) => unknown;

/** Resolves a function's or method's name; throws `NotThere` when the library lacks it. */
export function invocation(library: Library, name: string): Invocation {
  if (!isMethodName(name)) {
    const f = library.function(name);
    if (!isInPlace(name)) return (decoder, call) => f(...decoder.arguments(call));
    return (decoder, call) => {
      const [first, ...rest] = decoder.arguments(call);
      return f(writable(library, first), ...rest);
    };
  }
  const key = name.slice("Tensor.".length);
  const subscript = key === "__getitem__" || key === "__setitem__";
  const method = library.method(subscript ? (key === "__getitem__" ? "Tensor.at" : "Tensor.set_at") : name);
  return (decoder, call) => {
    // `unique(*args)`: the receiver is the first of the list.
    const first = decoder.value(call[0]!.value, "0");
    const [value, ...more] = call[0]!.varargs === true ? (first as unknown[]) : [first];
    const receiver = isInPlace(name) ? writable(library, value) : value;
    if (!subscript) return method(receiver, [...more, ...decoder.arguments(call, 1)]);
    const index = indexList(call[1]!.value, decoder.value(call[1]!.value, "1"));
    if (key === "__getitem__") return method(receiver, index);
    return method(receiver, [index, decoder.value(call[2]!.value, "2")]);
  };
}

const isInPlace = (name: string): boolean => /^(Tensor\.)?\w*[^_]_$/.test(name);

/** Leaves that require gradients refuse to be written to: the cases were made with copies of them. */
function writable(library: Library, value: unknown): unknown {
  const isLeaf = library.isTensor(value) && value.requiresGrad;
  return isLeaf ? library.method("Tensor.clone")(value, []) : value;
}

/** Runs a case of kind function or method; what it finds wrong, one line each. */
export function runOperation(library: Library, family: Family, c: CallCase): string[] {
  const call = invocation(library, c.name);
  const decoder = new Decoder(library, family, { sameTensor: c.same_tensor });
  if (c.seed !== undefined) library.manualSeed(c.seed);
  const out = call(decoder, c.call);
  const on: Comparison = { library, family, case: c, err64: c.err64?.out };
  const { tensors, problems } = compareResult({ ...on, gradients: true }, out, c.expect.out);
  const found = [
    ...problems,
    ...compareMutated(on, decoder, c),
    ...compareStorage(library, decoder, c, tensors),
  ];
  if (c.expect.cot !== undefined && runBackward(decoder, c, tensors)) {
    found.push(...compareInputGradients(on, decoder, c));
  }
  return [...found, ...runVariants(library, family, c)];
}

/** Which argument's storage an output shares, where the library can tell. */
function compareStorage(
  library: Library,
  decoder: Decoder,
  c: CallCase,
  outputs: readonly Tensor[],
): string[] {
  if (c.view_of === undefined || !library.has("Tensor.untyped_storage")) return [];
  const storage = library.method("Tensor.untyped_storage");
  const address = (t: Tensor): unknown => (storage(t, []) as { dataPtr(): unknown }).dataPtr();
  return c.view_of.flatMap((path, i) => {
    const argument = path === null ? undefined : decoder.tensors.get(path);
    const output = outputs[i];
    if (argument === undefined || output === undefined || address(argument) === address(output)) return [];
    return [`out ${String(i)}: not a view of argument ${path!}`];
  });
}

/** The other spellings that PyTorch was checked to answer identically; those that are missing are left out. */
function runVariants(library: Library, family: Family, c: CallCase): string[] {
  const { method, inplace, inplace_error: refused, aliases = [] } = c.variants ?? {};
  const found: string[] = [];
  const attempt = (name: string, run: () => readonly string[]): void => {
    try {
      found.push(...run().map((problem) => `${name}: ${problem}`));
    } catch (error) {
      if (!isNotImplemented(error)) found.push(`${name}: ${message(error)}`);
    }
  };
  const answer = (name: string, on: Partial<Comparison>): readonly string[] => {
    const call = invocation(library, name);
    const decoder = new Decoder(library, family, { gradients: false, sameTensor: c.same_tensor });
    if (c.seed !== undefined) library.manualSeed(c.seed);
    const out = call(decoder, c.call);
    const valuesIn = on.valuesIn === undefined ? undefined : decoder.tensors.get("0")?.dtype.name;
    const comparison: Comparison = { library, family, case: c, err64: c.err64?.out, ...on };
    return compareResult({ ...comparison, ...(valuesIn !== undefined && { valuesIn }) }, out, c.expect.out)
      .problems;
  };
  for (const name of aliases) attempt(name, () => answer(name, {}));
  if (method !== undefined) attempt(method, () => answer(method, {}));
  if (inplace !== undefined) attempt(inplace, () => answer(inplace, { valuesIn: "" }));
  if (refused !== undefined) {
    const [name, type] = refused;
    attempt(name, () => {
      const call = invocation(library, name);
      const decoder = new Decoder(library, family, { gradients: false, sameTensor: c.same_tensor });
      const problem = expectError(type, undefined, () => {
        force(library, call(decoder, c.call));
      });
      return problem === undefined ? [] : [problem];
    });
  }
  return found;
}

/** Runs a call that PyTorch refuses. */
export function runError(library: Library, family: Family, c: ErrorCase): string[] {
  const { error: type, regex } = c.expect;
  const call = invocation(library, c.name);
  const decoder = new Decoder(library, family, { sameTensor: c.same_tensor });
  const problem = expectError(type, regex, () => {
    force(library, call(decoder, c.call ?? []));
  });
  return problem === undefined ? [] : [problem];
}

/** Reads every tensor of a result: errors about values surface at the next read. */
function force(library: Library, result: unknown): void {
  if (library.isTensor(result)) result.toBytes();
  else if (typeof result === "object" && result !== null && Symbol.iterator in result) {
    for (const item of result as Iterable<unknown>) force(library, item);
  }
}

/** What the engine of JavaScript says when code is broken, not when an argument is refused. */
const slip =
  /is not a function|is not iterable|not a constructor|Cannot (read|set|destructure)|is not defined|BigInt/;

/** The call must raise PyTorch's error: its type, or a message that its regex finds. */
export function expectError(type: string, regex: string | undefined, run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error)) return `threw ${String(error)}`;
    if (error instanceof NotThere) throw error;
    if (isKind(error, type) && !(error instanceof TypeError && slip.test(error.message))) return undefined;
    if (regex !== undefined && pythonRegex(regex)?.test(error.message) === true) return undefined;
    if (isNotImplemented(error)) throw error;
    return `${error.name} (${firstLine(error.message)}) instead of ${type}${regex === undefined ? "" : ` (${regex})`}`;
  }
  return `no error instead of ${type}${regex === undefined ? "" : ` (${regex})`}`;
}

/** Whether an error is of the Python type; a NotImplementedError is what its name says and nothing else. */
function isKind(error: Error, type: string): boolean {
  if (error.name === "NotImplementedError") return type === "NotImplementedError";
  if (type === "Exception") return !(error instanceof RangeError) && !(error instanceof ReferenceError);
  for (let at: unknown = error.constructor; typeof at === "function"; at = Object.getPrototypeOf(at)) {
    if (at.name === type) return true;
  }
  return error.name === type;
}

function pythonRegex(text: string): RegExp | undefined {
  try {
    return new RegExp(text.replaceAll("(?P<", "(?<"), "s");
  } catch {
    return undefined;
  }
}

export function firstLine(text: string): string {
  const line = text.split("\n").find((part) => part.trim() !== "") ?? "";
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

export function message(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${firstLine(error.message)}` : String(error);
}

/** Names in options come from PyTorch's; states and groups are compared in this spelling. */
export const normalKey = (key: string): string => camel(key);
