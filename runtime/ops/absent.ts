/** Names of PyTorch that are not here: they fail by name, with the reason, where they are called or read. */
import { NotImplementedError } from "../errors.js";
import { namesOf, tensorProperties, type Section } from "../names.js";
import { camel } from "./schema.js";

interface Reason {
  readonly why: string;
  /** Whether they are to come: their names are typed, so that an editor tells. */
  readonly planned: boolean;
  /** Matched against the name with its section, `Tensor.` left out. */
  readonly names: RegExp;
}

/** The first that matches is the reason. */
const reasons: readonly Reason[] = [
  {
    why: "PyTorch 1.13 itself has removed it, for torch.linalg.eig, lstsq, matrix_rank and solve",
    planned: false,
    names: /^(eig|lstsq|matrix_rank|solve|reinforce)$/,
  },
  {
    why: "it is a protocol or an internal of Python",
    planned: false,
    names:
      /^(__\w+__|as_subclass|candidate|classproperty|obj|mode|from_dlpack|to_dlpack|prepare_multiprocessing_environment|get_file_path|compiled_with_cxx11_abi|read_vitals|set_vital|vitals_enabled|storage_type|nn\.functional\.(has_torch_function\w*|assert_int_or_pair))$/,
  },
  {
    why: "there is no TorchScript",
    planned: false,
    names:
      /^(fork|wait|parse_\w+|import_ir_module\w*|merge_type_from_type_comment|unify_type_list|init_num_threads)$/,
  },
  {
    why: "it is a kernel of another device or library",
    planned: false,
    names:
      /^(cudnn_\w+|miopen_\w+|mkldnn_\w+|fbgemm_\w+|to_mkldnn|ipu|xpu|record_stream|native_norm|batch_norm_(backward_\w+|elemt|gather_\w+|stats))$/,
  },
  {
    why: "it is of torch.ao.quantization's own kernels: its modules and observers do the same",
    planned: false,
    names: /^(quantized_\w+|fused_moving_avg_obs_fake_quant|choose_qparams_optimized)$/,
  },
  {
    why: "only quantized tensors have it: torch.quantizePerTensor makes them",
    planned: false,
    names: /^(q_\w+|qscheme|int_repr|dequantize)$/,
  },
  {
    why: "there are no sparse tensors: sparse gradients are dense ones that know their rows",
    planned: false,
    names:
      /^(sparse\.\w+|sparse_\w+|to_sparse\w*|\w*(row|col|crow|ccol)_indices(_copy)?|indices|indices_copy|values|values_copy|coalesce|is_coalesced|dense_dim|resize_as_sparse_|s?addmm|sspaddmm|smm|[dh]smm|hspmm|spmm)$/,
  },
  {
    why: "there are no named axes",
    planned: false,
    names: /^(align_\w+|refine_names|rename_?)$/,
  },
  { why: "there are no nested tensors", planned: false, names: /^to_padded_tensor$/ },
  {
    why: "there is no autocast: convert with to(dtype)",
    planned: false,
    names: /autocast/,
  },
  {
    why: "the engine chooses its threads",
    planned: false,
    names: /^[gs]et_num_(interop_)?threads$/,
  },
  { why: "memory is not shared between processes", planned: false, names: /^share_memory_$/ },
  {
    why: "there are no complex numbers yet",
    planned: true,
    names: /^(c?(half|float|double)|complex|polar|view_as_(complex|real)(_copy)?|imag|i?stft)$/,
  },
  { why: "Fourier transforms are yet to come", planned: true, names: /^fft\./ },
  { why: "masked reductions are yet to come", planned: true, names: /^(masked\.|segment_reduce)/ },
  {
    why: "linear algebra is yet to come",
    planned: true,
    names:
      /^(linalg\.\w+|cholesky\w*|symeig|geqrf|lu\w*|ormqr|orgqr|qr|svd\w*|pinverse|matrix_exp|triangular_solve|s?logdet|det|inverse|lobpcg|nuclear_norm|pca_lowrank)$/,
  },
  {
    why: "this special function is yet to come",
    planned: true,
    names: /^(special\.\w+|i?gammac?_?|igammac?_?|mvlgamma_?|polygamma_?|digamma_?|lgamma_?|i0_?)$/,
  },
  { why: "it is yet to come", planned: true, names: /^/ },
];

const qualified = (section: Section, name: string): string =>
  section === "torch" || section === "Tensor" ? name : `${section}.${name}`;

function reasonFor(section: Section, name: string): Reason {
  const text = qualified(section, name);
  return reasons.find(({ names }) => names.test(text))!;
}

/** Why a name that is not here is not. */
export const whyAbsent = (section: Section, name: string): string => reasonFor(section, name).why;

/** Whether a name that is not here is to come. */
export const isPlanned = (section: Section, name: string): boolean => reasonFor(section, name).planned;

/** How the name is written in TypeScript: `torch.linalg.matrixRank`, `F.softmax`, `Tensor.cholesky`. */
export function spelled(section: Section, name: string): string {
  const place = section.startsWith("nn.functional") ? "F" : section;
  const prefix = place === "torch" || place === "F" || place === "Tensor" || place.startsWith("nn.");
  return `${prefix ? place : `torch.${place}`}.${camel(name)}`;
}

const absent = new WeakSet();

/** Whether what stands under a key is only there to fail. */
export function isAbsent(holder: object, key: string): boolean {
  for (let at: object | null = holder; at; at = Object.getPrototypeOf(at) as object | null) {
    const property = Object.getOwnPropertyDescriptor(at, key);
    if (property) return absent.has((property.get ?? property.value ?? {}) as object);
  }
  return true;
}

function failing(what: string, why: string): () => never {
  const fail = (): never => {
    throw new NotImplementedError(`${what} is not implemented: ${why}`);
  };
  absent.add(fail);
  return fail;
}

/** A constant that fails where it is read. */
export function absentConstant(holder: object, key: string, what: string, why: string): void {
  if (key in holder) return;
  Object.defineProperty(holder, key, { get: failing(what, why), configurable: true });
}

/** Gives `holder` every name of a section that it does not have: functions that throw `NotImplementedError`. */
export function fillAbsent(holder: object, section: Section): void {
  for (const name of namesOf(section)) {
    const key = camel(name);
    if (key in holder) continue;
    const fail = failing(spelled(section, name), whyAbsent(section, name));
    const property = section === "Tensor" && tensorProperties.has(name);
    Object.defineProperty(holder, key, {
      configurable: true,
      ...(property ? { get: fail } : { value: fail, writable: true }),
    });
  }
}
