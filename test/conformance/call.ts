import type { Argument, Json } from "./corpus.js";

/**
 * PyTorch's name by the calling rule: `max_pool2d` → `maxPool2d`. Underscores in front and behind stay, dunder
 * names are left alone.
 */
export function camel(name: string): string {
  if (/^__.*__$/.test(name)) return name;
  const [, head, body, tail] = /^(_*)(.*?)(_*)$/.exec(name) as unknown as [string, string, string, string];
  return head + body.replace(/_+([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase()) + tail;
}

/**
 * A parameter's key in the options object. The stubs write `from_` and `input_` where the documented names are
 * Python keywords or builtins; no parameter's own name ends in an underscore.
 */
export function optionKey(name: string): string {
  return camel(name.replace(/_+$/, ""));
}

/** Where a PyTorch name lives on this side: the object to start from, then the keys to follow. */
export interface Spelling {
  readonly root: "torch" | "nn" | "F" | "optim" | "data" | "Tensor";
  readonly keys: readonly string[];
}

const roots: readonly (readonly [prefix: string, root: Spelling["root"]])[] = [
  ["torch.", "torch"],
  ["Tensor.", "Tensor"],
  ["nn.functional.", "F"],
  ["nn.", "nn"],
  ["optim.", "optim"],
  ["utils.data.", "data"],
];

const isClass = (key: string): boolean => /^[A-Z]/.test(key);

/** How the calling rule spells a name that is relative to `torch.`. */
export function spell(name: string): Spelling {
  const found = roots.find(([prefix]) => name.startsWith(prefix));
  if (found?.[1] === "torch") return spell(name.slice("torch.".length));
  const rest = found === undefined ? name : name.slice(found[0].length);
  return {
    root: found?.[1] ?? "torch",
    keys: rest.split(".").map((key) => (isClass(key) ? key : camel(key))),
  };
}

/** How a person would write the name. */
export function spelling(name: string): string {
  const { root, keys } = spell(name);
  return [root === "Tensor" ? "Tensor.prototype" : root, ...keys].join(".");
}

/** Arguments of a call on this side, without the receiver. */
export interface DerivedCall {
  readonly args: readonly unknown[];
}

/**
 * The calling rule: required arguments by position, varargs spread, the rest in one trailing options object under
 * their camelCase names; keyword-only ones always there. `decode` is given the argument's index in the call.
 */
export function derive(
  call: readonly Argument[],
  decode: (argument: Argument, index: number) => unknown,
  from = 0,
): unknown[] {
  const positional: unknown[] = [];
  const options: Record<string, unknown> = {};
  for (let i = from; i < call.length; i++) {
    const argument = call[i]!;
    const value = decode(argument, i);
    if (argument.varargs === true) positional.push(...(value as unknown[]));
    else if (argument.required && argument.kwonly !== true) positional.push(value);
    else options[optionKey(argument.name)] = value;
  }
  return Object.keys(options).length > 0 ? [...positional, options] : positional;
}

/**
 * The indices of `x[…]`. A tuple has one entry an index; a list that holds anything but integers is read as a tuple,
 * as PyTorch does.
 */
export function indexList(raw: Json, decoded: unknown): unknown[] {
  if (!Array.isArray(decoded)) return [decoded];
  const isTuple = !Array.isArray(raw);
  const several = decoded.some((entry) => typeof entry !== "number" && typeof entry !== "boolean");
  return isTuple || several ? decoded : [decoded];
}

/** The same name with a dotted prefix other than `Tensor.`? Methods have their receiver first. */
export const isMethodName = (name: string): boolean => name.startsWith("Tensor.");
