/** The part of a module that lets others look at, and change, what passes through it. */
import type { RemovableHandle } from "../autograd/node.js";
import { bound } from "./arguments.js";
import { addHook } from "./hooks.js";
import type { Module } from "./module.js";
import {
  registryOf,
  type BackwardHook,
  type BackwardPreHook,
  type ForwardHook,
  type ForwardPreHook,
  type Registry,
} from "./registry.js";
import type { StateDict } from "./state.js";

const hookOptions = "hook(*, bool prepend=False, bool always_call=False) -> any";

/** Only modules are made of this class. */
const own = (module: Hooked): Registry => registryOf(module as unknown as Module);

/** What `Module` inherits: the registration of its hooks. */
export abstract class Hooked {
  /** Calls `hook(module, args)` before `forward`; what it returns replaces the arguments. */
  registerForwardPreHook(hook: ForwardPreHook, options?: { readonly prepend?: boolean }): RemovableHandle {
    return addHook(own(this).preHooks, hook, options?.prepend);
  }

  /**
   * Calls `hook(module, args, result)` after `forward`; what it returns replaces the result. With `alwaysCall` also
   * when `forward` threw.
   */
  registerForwardHook(
    hook: ForwardHook,
    options: { readonly prepend?: boolean; readonly alwaysCall?: boolean } = {},
  ): RemovableHandle {
    const { prepend, alwaysCall } = bound(hookOptions, [options]);
    const { hooks, always } = own(this);
    return addHook(hooks, hook, prepend, alwaysCall ? always : undefined);
  }

  /**
   * Calls `hook(module, gradInput, gradOutput)` once the gradients of the module's inputs are known; what it returns
   * replaces `gradInput`.
   * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook
   */
  registerFullBackwardHook(hook: BackwardHook, options?: { readonly prepend?: boolean }): RemovableHandle {
    return addHook(own(this).backwardHooks, hook, options?.prepend);
  }

  /** Calls `hook(module, gradOutput)` before gradients flow into the module; what it returns replaces them. */
  registerFullBackwardPreHook(
    hook: BackwardPreHook,
    options?: { readonly prepend?: boolean },
  ): RemovableHandle {
    return addHook(own(this).backwardPreHooks, hook, options?.prepend);
  }

  /** Calls `hook(module, prefix, keepVars)` before the module's state is taken. */
  registerStateDictPreHook(
    hook: (module: Module, prefix: string, keepVars: boolean) => void,
  ): RemovableHandle {
    return addHook(own(this).statePreHooks, hook);
  }

  /** Calls `hook(module, state, prefix)` after the module's state was added to `state`, which it may change. */
  registerStateDictPostHook(
    hook: (module: Module, state: StateDict, prefix: string) => void,
  ): RemovableHandle {
    return addHook(own(this).statePostHooks, hook);
  }

  /** Calls `hook(module, state, prefix)` before the module's part of `state` is loaded; it may change `state`. */
  registerLoadStateDictPreHook(
    hook: (module: Module, state: StateDict, prefix: string) => void,
  ): RemovableHandle {
    return addHook(own(this).loadPreHooks, hook);
  }

  /** Calls `hook(module, { missingKeys, unexpectedKeys })` after loading; it may change both lists. */
  registerLoadStateDictPostHook(
    hook: (
      module: Module,
      keys: { readonly missingKeys: string[]; readonly unexpectedKeys: string[] },
    ) => void,
  ): RemovableHandle {
    return addHook(own(this).loadPostHooks, hook as never);
  }
}
