/** What pruning methods share. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.BasePruningMethod.html */
import { noGrad } from "../../autograd/mode.js";
import { AssertionError, AttributeError, IndexError, ValueError } from "../../errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import type { Module } from "../module.js";
import type { Parameter } from "../parameter.js";
import {
  addPreHook,
  beside,
  fieldOf,
  preHooks,
  putPlain,
  takeOff,
  tensorOf,
  type PreHookObject,
} from "./attributes.js";

/** Which entries a method chooses among: single ones, whole channels, or any. */
export type PruningType = "unstructured" | "structured" | "global";

export interface PruningOptions {
  /** What to choose by, in the place of the parameter's values; of its shape. */
  readonly importanceScores?: Tensor | null;
}

type Method<A extends readonly unknown[]> = new (...args: A) => BasePruningMethod;

/** The scores in trailing options, and the arguments without them. */
function scoresIn(args: readonly unknown[]): { readonly own: unknown[]; readonly scores: Tensor | null } {
  const last = args.at(-1);
  if (typeof last !== "object" || last === null || Object.getPrototypeOf(last) !== Object.prototype) {
    return { own: [...args], scores: null };
  }
  const { importanceScores, ...rest } = last as PruningOptions;
  const own = args.slice(0, -1);
  if (Object.keys(rest).length > 0) own.push(rest);
  return { own, scores: importanceScores ?? null };
}

/** A way to choose what is pruned. A class of one's own gives `computeMask` and `PRUNING_TYPE`. */
export abstract class BasePruningMethod implements PreHookObject {
  abstract readonly PRUNING_TYPE: PruningType;
  /** The field it acts on, once applied. */
  tensorName: string | null = null;

  /** The mask of `t`, 0 where it is pruned, on top of the mask there is. */
  abstract computeMask(t: Tensor, defaultMask: Tensor): Tensor;

  /** The parameter where the mask is 1, and 0 elsewhere. */
  applyMask(module: Module): Tensor {
    const field = this.field("applied");
    const orig = tensorOf(module, beside(module, field, "orig"));
    return tensorOf(module, beside(module, field, "mask"))
      .to(orig.dtype)
      .mul(orig);
  }

  private field(what: string): string {
    if (this.tensorName === null)
      throw new AssertionError(`pruning must be applied before it can be ${what}`);
    return this.tensorName;
  }

  /** @internal */
  prepare(module: Module): void {
    putPlain(module, this.field("applied"), this.applyMask(module));
  }

  /**
   * Prunes a parameter of a module by this method, behind those that acted on it before. The arguments are the
   * constructor's; options may have `importanceScores`.
   */
  static apply<A extends readonly unknown[]>(
    this: Method<A>,
    module: Module,
    name: string,
    ...args: [...A, PruningOptions?]
  ): BasePruningMethod {
    const { own, scores } = scoresIn(args);
    const field = fieldOf(module, name);
    const before = [...preHooks(module, BasePruningMethod)].filter((h) => h.object.tensorName === field);
    const added = new this(...(own as unknown as A));
    added.tensorName = field;
    const [old] = before;
    const method = old
      ? new PruningContainer(...(old.object instanceof PruningContainer ? old.object : [old.object]), added)
      : added;
    const orig = tensorOf(module, field);
    if (scores && scores.shape.join() !== orig.shape.join()) {
      throw new AssertionError(
        `importanceScores must have the parameter's shape [${orig.shape.join(", ")}], not [${scores.shape.join(", ")}]`,
      );
    }
    const maskName = beside(module, field, "mask");
    const current = old ? tensorOf(module, maskName).detach().clone() : torch.onesLike(orig.detach());
    const mask = noGrad(() => method.computeMask((scores ?? orig).detach(), current));
    for (const { remove } of before) remove();
    if (!old) {
      takeOff(module, field);
      module.registerParameter(beside(module, field, "orig"), orig as Parameter);
    }
    module.registerBuffer(maskName, mask);
    method.prepare(module);
    addPreHook(module, method);
    return method;
  }

  /** `t` pruned, without any module. */
  prune(
    t: Tensor,
    options: { readonly defaultMask?: Tensor | null; readonly importanceScores?: Tensor | null } = {},
  ): Tensor {
    const scores = options.importanceScores ?? t;
    if (scores.shape.join() !== t.shape.join()) {
      throw new AssertionError(
        `importanceScores must have the tensor's shape [${t.shape.join(", ")}], not [${scores.shape.join(", ")}]`,
      );
    }
    const mask = options.defaultMask ?? torch.onesLike(t);
    return t.mul(this.computeMask(scores, mask).to(t.dtype));
  }

  /** Makes the pruned values the parameter's own. The hook is for `prune.remove` to take off. */
  remove(module: Module): void {
    const field = this.field("removed");
    const weight = this.applyMask(module).detach();
    const [origName, maskName] = [beside(module, field, "orig"), beside(module, field, "mask")];
    const orig = tensorOf(module, origName) as Parameter;
    noGrad(() => orig.detach().copy_(weight));
    for (const key of [field, origName, maskName]) takeOff(module, key);
    module.registerParameter(field, orig);
  }
}

/** Pruning methods that act on one parameter, one behind another. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.PruningContainer.html */
export class PruningContainer extends BasePruningMethod {
  override readonly PRUNING_TYPE = "global";
  private readonly methods: BasePruningMethod[] = [];

  constructor(...methods: BasePruningMethod[]) {
    super();
    this.tensorName = methods[0]?.tensorName ?? null;
    for (const method of methods) this.addPruningMethod(method);
  }

  /** @throws TypeError for what is no pruning method; ValueError for one that acts on another parameter. */
  addPruningMethod(method: BasePruningMethod): void {
    if (!(method instanceof BasePruningMethod)) throw new TypeError(`${String(method)} is no pruning method`);
    if (method.tensorName !== this.tensorName) {
      throw new ValueError(
        `a container that acts on '${String(this.tensorName)}' cannot take a method that acts on '${String(method.tensorName)}'`,
      );
    }
    this.methods.push(method);
  }

  get length(): number {
    return this.methods.length;
  }

  at(index: number): BasePruningMethod {
    const found = this.methods.at(index);
    if (!found) throw new IndexError(`index ${String(index)} is out of range`);
    return found;
  }

  [Symbol.iterator](): Iterator<BasePruningMethod> {
    return this.methods[Symbol.iterator]();
  }

  /** The mask after the last method has chosen among what is left. */
  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const method = this.at(-1);
    const mask = defaultMask.to(t.dtype);
    if (method.PRUNING_TYPE === "global") return method.computeMask(t, mask).to(t.dtype);
    if (method.PRUNING_TYPE === "unstructured") {
      const left = mask.reshape(-1).eq(1).nonzero().squeeze(1);
      const chosen = method.computeMask(
        t.reshape(-1).indexSelect(0, left),
        mask.reshape(-1).indexSelect(0, left),
      );
      return mask.reshape(-1).indexCopy(0, left, chosen.to(t.dtype)).reshape(t.shape);
    }
    if (method.PRUNING_TYPE !== "structured") {
      throw new ValueError(`unknown PRUNING_TYPE ${String(method.PRUNING_TYPE)}`);
    }
    const given = (method as { readonly dim?: number }).dim;
    if (given === undefined) {
      throw new AttributeError('pruning methods of PRUNING_TYPE "structured" must have `dim`');
    }
    const dim = given < 0 ? given + t.ndim : given;
    if (dim < 0)
      throw new IndexError(`dimension ${String(given)} is out of range for shape [${t.shape.join(", ")}]`);
    // Channels that are wholly pruned are not chosen again.
    const others = t.shape.map((_, i) => i).filter((i) => i !== dim);
    const left = mask.sum(others).ne(0).nonzero().squeeze(1);
    const chosen = method.computeMask(t.indexSelect(dim, left), mask.indexSelect(dim, left));
    return mask.indexCopy(dim, left, chosen.to(t.dtype));
  }
}
