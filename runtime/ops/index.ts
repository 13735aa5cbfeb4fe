/** All op records, family by family. */
import * as convert from "./convert.js";
import * as create from "./create.js";
import * as pointwise from "./pointwise.js";
import * as reduce from "./reduce.js";
import * as view from "./view.js";
import type { OpRecord } from "./record.js";

const families = { convert, create, pointwise, reduce, view };

/** Every record with the family it stands in. */
export const records: readonly { readonly family: string; readonly record: OpRecord }[] = Object.entries(
  families,
).flatMap(([family, members]) =>
  Object.values(members).flatMap((m) => {
    const record = typeof m === "function" && "record" in m ? (m as { record: OpRecord }).record : undefined;
    return record ? [{ family, record }] : [];
  }),
);
