/** All op records, family by family. */
import * as conv from "./conv.js";
import * as convert from "./convert.js";
import * as copy from "./copy.js";
import * as create from "./create.js";
import * as embedding from "./embedding.js";
import * as gather from "./gather.js";
import * as matmul from "./matmul.js";
import * as norm from "./norm.js";
import * as pad from "./pad.js";
import * as pointwise from "./pointwise.js";
import * as pool from "./pool.js";
import * as random from "./random.js";
import * as reduce from "./reduce.js";
import * as view from "./view.js";
import type { OpRecord } from "./record.js";

// prettier-ignore
const families = {
  conv,
  convert,
  copy,
  create,
  embedding,
  gather,
  matmul,
  norm,
  pad,
  pointwise,
  pool,
  random,
  reduce,
  view,
};

/** Every record with the family it stands in. */
export const records: readonly { readonly family: string; readonly record: OpRecord }[] = Object.entries(
  families,
).flatMap(([family, members]) =>
  Object.values(members).flatMap((m) => {
    const record = typeof m === "function" && "record" in m ? (m as { record: OpRecord }).record : undefined;
    return record ? [{ family, record }] : [];
  }),
);
