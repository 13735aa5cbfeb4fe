/**
 * The tracer process: answers shapes while people type. Holds no engine and no weights, so it can be ended and
 * started at any time.
 */
import { serve } from "./serve.js";
import { trace } from "./tracing.js";

// Guilty lines may lie below many frames of the library.
Error.stackTraceLimit = 60;

const argument = process.argv.find((arg) => arg.startsWith("--budget="));
const budget = Number(argument?.slice("--budget=".length) ?? 2000);

const server = serve("tracer", {
  async trace(request) {
    const { reply, recycle } = await trace(request, {
      budget,
      print: (level, text) => void server.emit({ type: "console", kernel: "tracer", level, text }),
    });
    if (recycle) server.recycle();
    return reply;
  },
});
