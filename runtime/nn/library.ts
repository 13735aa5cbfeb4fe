/** Tells the library's own layers from the user's modules. */
import { noteLibraryForward } from "./call.js";
import * as nn from "./index.js";

for (const exported of Object.values(nn) as unknown[]) {
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
