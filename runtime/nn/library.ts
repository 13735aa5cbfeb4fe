/** Tells the library's own layers from the user's modules. */
import { noteLibraryForward } from "./call.js";
import * as nn from "./index.js";

const layers = [nn, nn.quantized, nn.quantized.dynamic].flatMap((space) => Object.values(space) as unknown[]);
for (const exported of layers) {
  if (typeof exported !== "function" || !(exported.prototype instanceof nn.Module)) continue;
  // Bases that are not exported have a `forward` of their own too.
  for (
    let p = exported.prototype as object;
    p !== nn.Module.prototype;
    p = Object.getPrototypeOf(p) as object
  ) {
    const forward: unknown = Object.getOwnPropertyDescriptor(p, "forward")?.value;
    if (typeof forward === "function") noteLibraryForward(forward);
  }
}
