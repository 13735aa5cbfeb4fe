/** Samples from categories that can be differentiated. @see https://arxiv.org/abs/1611.01144 */
import { warn } from "../warnings.js";
import { wrapDim } from "./dims.js";
import { requireFloat } from "./elementwise.js";
import { eq } from "./compare.js";
import { castTo } from "./convert.js";
import { page } from "./family.js";
import { log } from "./math.js";
import { drawn } from "./random.js";
import { op } from "./record.js";
import { softmax } from "./softmax.js";
import { arange } from "./sequence.js";

export const gumbelSoftmax = op({
  signature:
    "gumbel_softmax(Tensor logits, float tau=1, bool hard=False, float eps=1e-10, int dim=-1) -> Tensor",
  on: ["F"],
  doc: `softmax((logits + Gumbel noise) / tau) along \`dim\`; \`hard\` gives the category as 1 and 0, with the gradient of the soft sample.\n\n${page("nn.functional.gumbel_softmax")}`,
  call: (logits, tau, hard, eps, dim) => {
    if (eps !== 1e-10) warn("`eps` parameter is deprecated and has no effect.");
    requireFloat("exponential_", logits.dtype);
    const d = wrapDim(dim, logits.ndim);
    const noise = log(drawn({ kind: "exponential", lambd: 1 }, logits._shape, logits.dtype)).neg();
    const soft = softmax(logits.add(noise).div(tau), d);
    if (!hard) return soft;
    const column = soft._shape.map((n, i) => (i === d ? n : 1));
    const best = soft.detach().argmax(d, { keepdim: true });
    const chosen = castTo(eq(best, arange(soft._shape[d] ?? 1).reshape(...column)), soft.dtype);
    return chosen.sub(soft.detach()).add(soft);
  },
});
