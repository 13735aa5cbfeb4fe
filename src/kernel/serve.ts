/** The process's end of the wire: says hello, answers requests one by one, ends with the editor. */
// The module, not the global: traced code finds another one there.
import process from "node:process";
import { BundleError } from "../../runtime/source/bundle.js";
import { libraryVersion } from "../../runtime/version.js";
import { recycleCode } from "./wire.js";
import {
  KernelError,
  protocolVersion,
  type FromKernel,
  type KernelEvent,
  type KernelName,
  type KernelRequest,
  type Replies,
  type ToKernel,
  type WireError,
} from "./protocol.js";

type Handlers = {
  readonly [Type in Exclude<KernelRequest["type"], "shutdown">]?: (
    request: Extract<KernelRequest, { readonly type: Type }>,
  ) => Promise<Replies[Type]> | Replies[Type];
};

export interface Server {
  /** Resolves when the event has been handed to the system. */
  emit(event: KernelEvent): Promise<void>;
  /** Ends the process once the answers under way are sent; the supervisor starts another. */
  recycle(): void;
}

/** An error as it travels. */
export function toWire(error: unknown): WireError {
  if (error instanceof KernelError) {
    const { name, message, reason, location, remoteStack } = error;
    return {
      name,
      message,
      reason,
      ...(location === undefined ? {} : { location }),
      ...(remoteStack === undefined ? {} : { stack: remoteStack }),
    };
  }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return {
    name,
    message,
    reason: error instanceof BundleError ? "build" : "internal",
    ...(stack === undefined ? {} : { stack }),
  };
}

export function serve(kernel: KernelName, handlers: Handlers): Server {
  let open = 0;
  let leaving = false;
  const send = (message: FromKernel): Promise<void> =>
    new Promise((resolve) => {
      if (process.connected) process.send!(message, () => resolve());
      else resolve();
    });
  const isLast = (): boolean => leaving && open === 1;
  const answer = async ({ id, request }: ToKernel): Promise<void> => {
    if (request.type === "shutdown") {
      await send({ id, reply: null });
      process.exit(0);
    }
    open++;
    try {
      const handler = handlers[request.type] as ((r: KernelRequest) => unknown) | undefined;
      if (handler === undefined) {
        throw new KernelError({
          name: "KernelError",
          message: `The ${kernel} does not know "${request.type}"`,
          reason: "protocol",
        });
      }
      const reply = await handler(request);
      await send({ id, reply, last: isLast() });
    } catch (error) {
      await send({ id, error: toWire(error), last: isLast() });
    }
    open--;
    if (leaving && open === 0) process.exit(recycleCode);
  };
  process.on("message", (message: ToKernel) => void answer(message));
  // Without its editor a kernel has nobody to work for.
  process.on("disconnect", () => process.exit(0));
  const { pid } = process;
  void send({
    event: {
      type: "hello",
      kernel,
      protocol: protocolVersion,
      library: libraryVersion(),
      pid,
      node: process.version,
    },
  });
  return {
    emit: (event) => send({ event }),
    recycle() {
      leaving = true;
    },
  };
}
