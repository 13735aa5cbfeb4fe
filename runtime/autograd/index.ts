/** `torch.autograd` and `torch.func`. */
import { detectAnomaly, setDetectAnomaly } from "./anomaly.js";
import { backward, grad } from "./backward.js";
import { AutogradFunction, onceDifferentiable } from "./function.js";
import * as derivatives from "./functional.js";
import { gradcheck, gradgradcheck, GradcheckError } from "./gradcheck.js";
import { enableGrad, inferenceMode, noGrad, setGradEnabled } from "./mode.js";
import { GradNode } from "./node.js";
import * as transforms from "./transforms.js";
import "./methods.js";

const { jacobian, hessian, vjp, jvp, vhp, hvp } = derivatives;

/** @see https://pytorch.org/docs/stable/autograd.html */
export const autograd = {
  backward,
  grad,
  Function: AutogradFunction,
  function: { onceDifferentiable },
  functional: { jacobian, hessian, vjp, jvp, vhp, hvp },
  gradcheck,
  gradgradcheck,
  GradcheckError,
  detectAnomaly,
  setDetectAnomaly,
  gradMode: { noGrad, enableGrad, setGradEnabled, inferenceMode },
  graph: { Node: GradNode },
};

/** @see https://pytorch.org/docs/stable/func.html */
export const func = {
  grad: transforms.grad,
  gradAndValue: transforms.gradAndValue,
  vjp: transforms.vjp,
  jvp: transforms.jvp,
  jacrev: transforms.jacrev,
  jacfwd: transforms.jacfwd,
  hessian: transforms.hessian,
};

export type { FunctionContext, FunctionCtx } from "./function.js";
export type { RemovableHandle } from "./node.js";
