/** The commands in words. What a command does is loaded when it is asked for: the library and a parser are no trifle. */
import type { Command } from "./usage.js";

const runHelp = `tensorscope run FILE [--device DEVICE] [-- ARGUMENTS]

Runs a TypeScript or JavaScript file. In it, import.meta.main is true, process.argv has the
arguments, and progress() and report() draw in the terminal.

  --device DEVICE   where tensors, layers and batches are put that are not told where: webgpu, cuda
                    (see tensorscope devices)
  --stack           on an error, every frame of its stack

Ctrl-C stops at the next step, so that what the file does in "finally" is done; a second one
stops at once.
`;

const summaryHelp = `tensorscope summary FILE [--class NAME] [--input "x float32[1, 3, 224, 224]"] [--json]

Prints the layers of the file's exported models as a tree, with what each gives for the model's
@input, its parameters and multiply-accumulates. Only shapes are computed, so the size of a model
does not matter.

  --class NAME   only this class
  --input TEXT   instead of the @input tags; once for each parameter of forward
  --size N=8     the size of a symbolic dimension, 1 unless said
  --json         the same as JSON
  --stack        on an error, every frame of its stack
`;

const convertHelp = `tensorscope convert IN OUT

Writes the tensors of a file in another format: PyTorch's (.pth, .pt, .bin, .ckpt) to safetensors,
or back. The names say which. From .pth to .pth, an older format becomes the present one, and a
whole Python module its state dict. Nothing in a file is executed.

  --key NAME               only what lies under this key of a checkpoint: model_state_dict
  --max-shard-size 5GB     several safetensors files and an index, each at most so large
  --force                  replaces OUT when it is there
`;

const devicesHelp = `tensorscope devices [--json]

Prints which devices tensors can be put on, what they are called, and why the others are not
available. Each is looked for in a process of its own.

  --json   the same as JSON
`;

export const commands: readonly Command[] = [
  {
    name: "run",
    usage: "run FILE [-- ARGUMENTS]",
    about: "runs a file, with progress in the terminal",
    help: runHelp,
    run: async (args) => (await import("./run.js")).runFile(args),
  },
  {
    name: "summary",
    usage: "summary FILE",
    about: "layers, shapes, parameters and MACs of a file's models",
    help: summaryHelp,
    run: async (args) => (await import("./summary.js")).summarizeFile(args),
  },
  {
    name: "devices",
    usage: "devices",
    about: "which devices there are, and why the others are not available",
    help: devicesHelp,
    run: async (args) => (await import("./devices.js")).listDevices(args),
  },
  {
    name: "convert",
    usage: "convert IN OUT",
    about: "tensors from .pth to .safetensors, or back",
    help: convertHelp,
    run: async (args) => (await import("./convert.js")).convertFile(args),
  },
];
