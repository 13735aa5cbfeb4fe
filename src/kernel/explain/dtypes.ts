/** dtypes that do not go together, whatever the op. */
import { say } from "../phrase.js";
import { convert, own, type Remedy, type Rule } from "./explanation.js";
import type { Tensor } from "../../../runtime/tensor/tensor.js";

const casts: Readonly<Record<string, string>> = {
  float32: "float()",
  float64: "double()",
  float16: "half()",
  int64: "long()",
  int32: "int()",
  bool: "bool()",
};

/** Sums of products, whose operands must have one dtype: a layer's weights decide. */
export const sameDtype: Rule = (failing) => {
  const isProduct =
    /^(linear|conv\w*\dd|matmul|mm|bmm|addmm|baddbmm|mv|dot|bilinear|batch_norm|layer_norm|group_norm|scaled_dot_product_attention)$/.test(
      failing.op,
    );
  const tensors: Tensor[] = [...failing.inputs];
  const weight = failing.tensor("weight") ?? failing.tensor("weight1");
  if (weight !== undefined && !tensors.includes(weight)) tensors.unshift(weight);
  const [reference] = weight === undefined ? [tensors.find((t) => t.dtype.isFloatingPoint)] : [weight];
  const other = tensors.find((t) => t.dtype !== reference?.dtype);
  if (!isProduct || reference === undefined || other === undefined) return undefined;
  const { name } = reference.dtype;
  return {
    phrase: say(
      "{0} expects {1} like its {2}, got {3}",
      failing.name,
      name,
      weight === undefined ? "other operand" : "weights",
      other.dtype.name,
    ),
    remedies: convert(other, casts[name] ?? `to(torch.${name})`),
  };
};

/** Masks, indices and the like: the argument whose dtype the op names. */
export const named: Rule = (failing) => {
  if (!/dtype|scalar type|index tensor|boolean tensor|Long|Bool\b/i.test(failing.message)) return undefined;
  const { message } = failing;
  const wanted = /\b(bool(ean)?\b|Bool\b)/.test(message)
    ? "bool()"
    : /int64|Long|index tensor/.test(message)
      ? "long()"
      : "float()";
  const remedies: Remedy[] = [];
  for (const cast of [wanted, "float()"])
    for (const tensor of failing.inputs.toReversed()) remedies.push(...convert(tensor, cast));
  return { phrase: own(failing), remedies };
};
