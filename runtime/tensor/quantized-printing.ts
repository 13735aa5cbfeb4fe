/** Quantized tensors as text: what PyTorch's `repr` shows. */
import { tensorText } from "./printing.js";
import { QuantizedTensor } from "./quantized.js";

function text(t: QuantizedTensor): string {
  const params = t._params;
  const entries = [
    `size=(${t.shape.join(", ")}${t.ndim === 1 ? "," : ""})`,
    `dtype=${String(t.dtype)}`,
    `quantization_scheme=${String(t.qscheme())}`,
    ...("scale" in params
      ? [`scale=${String(params.scale)}`, `zero_point=${String(params.zeroPoint)}`]
      : [
          `scale=${tensorText(params.scales)}`,
          `zero_point=${tensorText(params.zeroPoints)}`,
          `axis=${String(params.axis)}`,
        ]),
  ];
  let out = tensorText(t.dequantize()).slice(0, -1);
  // What does not fit into a line of 80 goes on under the first number.
  let column = out.length - out.lastIndexOf("\n") + 1;
  for (const entry of entries) {
    if (column + entry.length + 2 > 80) {
      out += `,\n${" ".repeat(7)}${entry}`;
      column = 7 + entry.length;
    } else {
      out += `, ${entry}`;
      column += entry.length + 2;
    }
  }
  return `${out})`;
}

Object.assign(QuantizedTensor.prototype, {
  toString(this: QuantizedTensor) {
    return text(this);
  },
  [Symbol.for("nodejs.util.inspect.custom")](this: QuantizedTensor) {
    return text(this);
  },
});
