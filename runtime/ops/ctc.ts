/** Connectionist temporal classification. */
import { NotImplementedError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { float32, float64, int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { notImplementedFor } from "./elementwise.js";
import { encode, fromData } from "./leaf.js";
import { checkReduction, lossPage, reduceLoss } from "./loss.js";
import { op, primitive } from "./record.js";

interface CtcAttrs extends Attrs {
  readonly blank: number;
  readonly zeroInfinity: boolean;
}

const ctcBackward = primitive<CtcAttrs>({
  name: "ctc_loss_backward",
  infer: ([, x]) => x!,
  grad: () => {
    throw new NotImplementedError("the derivative for '_ctc_loss_backward' is not implemented.");
  },
  host: "ctc_loss_backward",
});

const ctcPrimitive = primitive<CtcAttrs>({
  name: "ctc_loss",
  infer: ([x]) => ({ shape: [x!.shape[1]!], dtype: x!.dtype }),
  grad: (ctx, g) => [
    apply(ctcBackward, [g, ...[0, 1, 2, 3].map((i) => ctx.input(i))], ctx.attrs),
    null,
    null,
    null,
  ],
  host: "ctc_loss",
});

/** Lengths, from any device. */
function checkLengths(name: string, lengths: Tensor, count: number, { device }: Tensor): Tensor {
  if (lengths.dtype.category !== 1) throw new RuntimeError(`${name} must be integral`);
  if (lengths.numel() !== count) {
    throw new RuntimeError(
      `${name} must be of size batch_size: ${String(count)}, but it is [${lengths._shape.join(", ")}]`,
    );
  }
  return castTo(lengths.reshape(-1), int64).to(device);
}

interface Options {
  readonly blank: number;
  readonly reduction: string;
  readonly zeroInfinity: boolean;
}

function ctc(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Tensor,
  targetLengths: Tensor,
  { blank, reduction, zeroInfinity }: Options,
): Tensor {
  const how = checkReduction(reduction);
  if (logProbs.ndim !== 3 && logProbs.ndim !== 2) {
    throw new RuntimeError(
      `log_probs must be [T, N, C] or [T, C], but it is [${logProbs._shape.join(", ")}]`,
    );
  }
  if (logProbs.dtype !== float32 && logProbs.dtype !== float64) {
    notImplementedFor("ctc_loss_cpu", logProbs.dtype);
  }
  if (targets.dtype.category !== 1) throw new RuntimeError("targets must be integral");
  const single = logProbs.ndim === 2;
  const x = single ? logProbs.unsqueeze(1) : logProbs;
  const [, count, classes] = x._shape as [number, number, number];
  if (blank < 0 || blank >= classes) throw new RuntimeError("blank must be in label range");
  const rows = single && targets.ndim === 1 ? targets.unsqueeze(0) : targets;
  if (rows.ndim > 2 || rows.ndim === 0 || (rows.ndim === 2 && rows._shape[0] !== count)) {
    throw new RuntimeError(
      `Expected targets of [${String(count)}, S] or all in one vector, but got [${targets._shape.join(", ")}]`,
    );
  }
  const lengths = checkLengths("target_lengths", targetLengths, count, x);
  const losses = apply(
    ctcPrimitive,
    [x, castTo(rows, int64), checkLengths("input_lengths", inputLengths, count, x), lengths],
    { blank, zeroInfinity },
  );
  const finite = zeroInfinity ? losses.maskedFill(losses.eq(Infinity), 0) : losses;
  if (how === "mean") return finite.div(castTo(lengths.clampMin(1), losses.dtype)).mean();
  return reduceLoss(single ? finite.squeeze(0) : finite, how);
}

const list = (values: readonly number[]): Tensor => fromData(encode(values, int64), [values.length], int64);

const tail = "int blank=0, str reduction='mean', bool zero_infinity=False) -> Tensor";

export const ctcLoss = op(
  {
    signature: `ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, ${tail}`,
    on: ["F"],
    doc: `Negative log likelihood of label sequences over all their alignments with log probabilities \`[T, N, C]\` (or \`[T, C]\`): \`targets\` \`[N, S]\`, or all in one vector; the mean is over labels and samples. Lengths that do not fit throw \`RuntimeError\`, at the next read.\n\n${lossPage("ctc_loss")}`,
    call: (logProbs, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity) =>
      ctc(logProbs, targets, inputLengths, targetLengths, { blank, reduction, zeroInfinity }),
  },
  {
    signature: `ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, ${tail}`,
    call: (logProbs, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity) =>
      ctc(logProbs, targets, list(inputLengths), list(targetLengths), { blank, reduction, zeroInfinity }),
  },
);
