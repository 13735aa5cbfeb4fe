import { newestValue, type Value } from "../graph/value.js";
import { cpu, getDefaultDevice, type Device } from "../tensor/device.js";
import { Tensor } from "../tensor/tensor.js";

/**
 * Whether the running code is the library's or the user's. Numbers that the user writes (`x.mul(lr)`) are inputs of a
 * plan, numbers in the library's formulas are structure; and only the user's tensors can be looked at later.
 */
let depth = 0;
/** The newest value when the user's call into the library began. */
let newestBefore = 0;

/** Whether a value was made in the call that runs now, so that user code has not got it. */
export function isOfThisCall(value: Value): boolean {
  return depth > 0 && value.serial > newestBefore && !value.visible;
}

/**
 * What the public calls under way were given, the innermost last: tensors made inside a call go where its operands are.
 * `null` where user code runs in between.
 */
const frames: (readonly unknown[] | Device | null)[] = [];

/** Called by every public function on entry, with its arguments; the result goes to `leaveCall`. */
export function enterCall(args: readonly unknown[]): number {
  frames.push(args);
  if (depth === 0) newestBefore = newestValue();
  return depth++;
}

export function leaveCall(outer: number): void {
  frames.pop();
  depth = outer;
}

/** Says that the call under way puts what it makes on a device, or what its arguments turned out to be. */
export function callIsOn(frame: readonly unknown[] | Device): void {
  frames[frames.length - 1] = frame;
}

/** Makes what `body` makes out of nothing on a device. */
export function onDevice<T>(device: Device, body: () => T): T {
  frames.push(device);
  try {
    return body();
  } finally {
    frames.pop();
  }
}

/**
 * Where a tensor goes that is made out of nothing: the device of the operands of the call that makes it, the default
 * device for factories, the CPU for what the library makes outside any call.
 */
export function deviceOfCall(): Device {
  for (let i = frames.length - 1; i >= 0; i--) {
    const frame = frames[i]!;
    if (frame === null) return i === frames.length - 1 ? cpu : getDefaultDevice();
    if (!Array.isArray(frame)) return frame as Device;
    const found = deviceAmong(frame);
    if (found) return found;
  }
  return frames.length > 0 ? getDefaultDevice() : cpu;
}

/** The device that operands have in common: numbers in tensors on the CPU go with any. */
function deviceAmong(args: readonly unknown[]): Device | undefined {
  let any: Device | undefined;
  for (const arg of args) {
    if (arg instanceof Tensor) {
      if (arg.device !== cpu || arg.ndim > 0) return arg.device;
      any = cpu;
    } else if (Array.isArray(arg) && isOfTensors(arg)) {
      const found = deviceAmong(arg);
      if (found && found !== cpu) return found;
      any ??= found;
    }
  }
  return any;
}

/** By the first one, as lists of numbers are long. */
const isOfTensors = (list: readonly unknown[]): boolean =>
  list.find((v) => v !== null && v !== undefined) instanceof Tensor;

export function isUserCode(): boolean {
  return depth <= 1;
}

/**
 * Runs library code that is not itself an op: backward, an optimizer's step. What it makes goes where `operands` are.
 */
export function asLibrary<T>(body: () => T, operands?: readonly unknown[]): T {
  const outer = depth;
  if (depth === 0) newestBefore = newestValue();
  depth += 2;
  if (operands) frames.push(operands);
  try {
    return body();
  } finally {
    if (operands) frames.pop();
    depth = outer;
  }
}

/** Runs user code called from the library: a module's `forward`, a hook. */
export function asUser<T>(body: () => T): T {
  const outer = depth;
  depth = 0;
  frames.push(null);
  try {
    return body();
  } finally {
    frames.pop();
    depth = outer;
  }
}

/** Told of what a public call gives to user code: what may be looked at later. */
let onResult: ((result: unknown) => void) | undefined;

export function setResultHook(hook: (result: unknown) => void): void {
  onResult = hook;
}

export function reportResult(outer: number, result: unknown): void {
  if (outer === 0) onResult?.(result);
}

/** Told of results of outermost module calls. */
let onModuleResult: ((result: Tensor) => void) | undefined;

export function setModuleResultHook(hook: (result: Tensor) => void): void {
  onModuleResult = hook;
}

export function reportModuleResult(result: Tensor): void {
  onModuleResult?.(result);
}

/** Asks for what is pending to be computed, without waiting for it: the end of an optimizer's step. */
let onFlushRequest: (() => void) | undefined;

export function setFlushHook(hook: () => void): void {
  onFlushRequest = hook;
}

export function requestFlush(): void {
  onFlushRequest?.();
}
