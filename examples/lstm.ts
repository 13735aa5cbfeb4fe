import { nn, type Tensor } from "tensorscope";

/**
 * Reads a picture as a sequence of rows, from the top, and names its class from the last state.
 * @input x float32[N, 1, 28, 28]
 */
export class LSTMClassifier extends nn.Module {
  lstm: nn.LSTM;
  head: nn.Linear;

  constructor({ hidden = 64, classes = 10 } = {}) {
    super();
    this.lstm = new nn.LSTM(28, hidden, { batchFirst: true });
    this.head = new nn.Linear(hidden, classes);
  }

  forward(x: Tensor): Tensor {
    const rows = x.squeeze(1);
    const [, [state]] = this.lstm(rows);
    return this.head(state.squeeze(0));
  }
}
