/** Checks of values that only a run can make. */
import type { GuardError } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { num } from "./elementwise.js";
import { primitive } from "./record.js";

interface RangeAttrs extends Attrs {
  readonly low: number;
  readonly high: number;
  readonly error: GuardError;
  readonly message: string;
}

const rangePrimitive = primitive<RangeAttrs>({
  name: "check_range",
  infer: ([x]) => x!,
  grad: (_, g) => [g],
  lower: (b, [x], { low, high, error, message }) => {
    const least = b.node("GreaterOrEqual", [x!, num(b, x!, low)], undefined, "bool");
    const most = Number.isFinite(high)
      ? b.node("LessOrEqual", [x!, num(b, x!, high)], undefined, "bool")
      : undefined;
    return b.guarded(x!, most ? b.node("And", [least, most]) : least, error, message);
  },
  moves: true,
  refuses: "RuntimeError",
});

/** `x`, all elements of which are from `low` to `high`, NaN none of them; anything else is an error at the next read. */
export function inRange(
  x: Tensor,
  [low, high]: readonly [number, number],
  error: GuardError,
  message: string,
): Tensor {
  return apply(rangePrimitive, [x], { low, high, error, message });
}
