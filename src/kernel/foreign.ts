/** Stand-ins for what tracing must not touch: packages, files, the network. Using one says that the line needs ▶ Run. */

/** Not an error of the user's: the line runs only on ▶. */
export class NeedsRunError extends Error {
  override name = "NeedsRunError";
}

function refuse(path: string): never {
  throw new NeedsRunError(`${path} runs only on ▶`);
}

/**
 * An imported module that is not there while tracing. Names can be read from it at will, and only their use is
 * refused, so that importing `node:fs` for a function nobody calls harms nothing.
 */
export function foreignModule(path: string): object {
  const cache = new Map<string, object>();
  // A function, so that it can be called, constructed and extended syntactically.
  const target = function foreign(): void {};
  const proxy: object = new Proxy(target, {
    get(_, key) {
      if (typeof key === "symbol") return key === Symbol.toPrimitive ? () => refuse(path) : undefined;
      if (key === "prototype") return target.prototype as unknown;
      // Not a promise, and no module that esbuild should unwrap.
      if (key === "then" || key === "__esModule") return undefined;
      if (key === "default") return proxy;
      lastRead = `${path}.${key}`;
      let member = cache.get(key);
      if (member === undefined) cache.set(key, (member = foreignModule(`${path}.${key}`)));
      return member;
    },
    // esbuild copies a module's own names to an object of the same prototype: names are found there.
    getPrototypeOf: () => proxy,
    apply: () => refuse(path),
    construct: () => refuse(path),
    set: () => refuse(path),
    deleteProperty: () => refuse(path),
    defineProperty: () => refuse(path),
  });
  return proxy;
}

/** The name read last from a foreign module, and forgets it: passed on as an argument, it makes callees complain. */
export function takeForeignReads(): string | undefined {
  const name = lastRead;
  lastRead = undefined;
  return name;
}
let lastRead: string | undefined;

/** The value of a top-level declaration whose initialiser needs ▶: any use of it says so. */
export function laterValue(name: string, reason: string): object {
  const fail = (): never => {
    throw new NeedsRunError(`${name} is known only on ▶: ${reason}`);
  };
  const target = function later(): void {};
  return new Proxy(target, {
    get: (_, key) =>
      key === "then" ? undefined : key === "prototype" ? (target.prototype as unknown) : fail(),
    has: fail,
    ownKeys: fail,
    getOwnPropertyDescriptor: fail,
    getPrototypeOf: fail,
    apply: fail,
    construct: fail,
    set: fail,
  });
}
