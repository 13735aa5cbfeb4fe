/**
 * A process that finds out whether ONNX Runtime can compute on a device: it adds two vectors there. A process of its
 * own, because a device that failed to start stays failed in its process, and drivers may crash or hang.
 */
import * as ort from "onnxruntime-node";
import { ProtoWriter } from "../protobuf.js";

/** A model of one node: y = x + x, float32[4]. */
function model(): Uint8Array {
  const w = new ProtoWriter();
  const vector = (name: string): void => {
    w.string(1, name);
    const sizes = (): void => w.message(1, () => w.int(1, 4));
    const tensor = (): void => {
      w.int(1, 1);
      w.message(2, sizes);
    };
    w.message(2, () => w.message(1, tensor));
  };
  w.int(1, 8);
  w.message(7, () => {
    w.message(1, () => {
      w.string(1, "x");
      w.string(1, "x");
      w.string(2, "y");
      w.string(4, "Add");
    });
    w.string(2, "probe");
    w.message(11, () => vector("x"));
    w.message(12, () => vector("y"));
  });
  w.message(8, () => w.int(2, 13));
  return w.finish();
}

async function probe(name: string, deviceId: number): Promise<void> {
  const known = ort.listSupportedBackends().map((b) => b.name);
  if (!known.includes(name)) {
    throw new Error(
      `the installed ONNX Runtime has no ${name} provider for ${process.platform} ${process.arch} (it has ${known.join(", ")})`,
    );
  }
  const session = await ort.InferenceSession.create(model(), {
    executionProviders: [name === "cuda" || name === "dml" ? { name, deviceId } : name],
    // CoreML leaves what is too small for it to the CPU.
    ...(name === "coreml" ? {} : { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
  });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), [4]) });
  const got = [...(y!.data as Float32Array)].join();
  if (got !== "2,4,6,8") throw new Error(`it computed 1,2,3,4 + 1,2,3,4 = ${got}`);
}

const [, , name, index] = process.argv;
probe(name!, Number(index)).then(
  () => {
    // Drivers may hang on the way out; what was asked is answered.
    process.stdout.write("\nprobe:ok\n", () => process.exit(0));
  },
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stdout.write(`\nprobe:${JSON.stringify(message)}\n`, () => process.exit(1));
  },
);
