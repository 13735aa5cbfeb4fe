/** The runner process: owns weights, runs forward passes and training. No edit ever ends or delays it. */
import { Runner } from "./running.js";
import { serve } from "./serve.js";

const argument = process.argv.find((arg) => arg.startsWith("--grace="));
const grace = Number(argument?.slice("--grace=".length) ?? 1500);

const runner = new Runner({
  emit: (event) => server.emit(event),
  grace,
  onStuck: () => server.recycle(),
});
const server = serve("runner", {
  forward: (request) => runner.forward(request),
  train: (request) => runner.train(request),
  cancel: ({ run }) => runner.cancel(run),
  snapshot: () => runner.snapshot(),
  status: () => runner.status(),
});
