/** Sequences of different lengths. @see https://pytorch.org/docs/stable/nn.html#module-torch.nn.utils.rnn */
import { AssertionError, RuntimeError, ValueError } from "../../errors.js";
import type { CallArgs } from "../../ops/schema.js";
import { float32, float64, int64, type DType } from "../../tensor/dtype.js";
import type { DeviceLike } from "../../tensor/device.js";
import { Tensor } from "../../tensor/tensor.js";
import { functional as F, torch } from "../../torch.js";
import { bound } from "../arguments.js";

/** Lengths as a tensor or numbers. */
export type Lengths = Tensor | readonly number[];

const numbersOf = (lengths: Lengths): number[] =>
  lengths instanceof Tensor ? (lengths.tolist() as number[]) : [...lengths];
/** Sizes and lengths stay on the CPU, as in PyTorch; what picks rows is where they are. */
const indexTensor = (values: readonly number[], device: DeviceLike = "cpu"): Tensor =>
  torch.tensor(values, { dtype: int64, device });

/**
 * Sequences of different lengths, step by step: the rows of the first step, of the second …, `[sum of lengths, *]`, and
 * how many sequences each step still has. Made by `packSequence` and `packPaddedSequence`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
 */
export class PackedSequence {
  readonly data: Tensor;
  /** Sequences left at every step, int64. */
  readonly batchSizes: Tensor;
  /** The order in which the given sequences were put, longest first; `null` where they came sorted. */
  readonly sortedIndices: Tensor | null;
  readonly unsortedIndices: Tensor | null;

  constructor(
    data: Tensor | readonly [Tensor, Tensor],
    batchSizes: Tensor | null = null,
    sortedIndices: Tensor | null = null,
    unsortedIndices: Tensor | null = null,
  ) {
    if (batchSizes) this.data = data as Tensor;
    else {
      if (!Array.isArray(data) || data.length !== 2) {
        throw new AssertionError("without batchSizes, data must be [data, batchSizes]");
      }
      this.data = (data as [Tensor, Tensor])[0];
    }
    this.batchSizes = batchSizes ?? (data as [Tensor, Tensor])[1];
    this.sortedIndices = sortedIndices;
    this.unsortedIndices = unsortedIndices ?? invertPermutation(sortedIndices);
  }

  /** Converts or moves the data; the indices of its rows go along, the sizes stay on the CPU. */
  to(target: DType | DeviceLike | Tensor): PackedSequence {
    const data = (this.data.to as (t: unknown) => Tensor)(target);
    if (data === this.data) return this;
    const along = (indices: Tensor | null): Tensor | null => indices && indices.to(data.device);
    return new PackedSequence(data, this.batchSizes, along(this.sortedIndices), along(this.unsortedIndices));
  }

  double(): PackedSequence {
    return this.to(float64);
  }

  float(): PackedSequence {
    return this.to(float32);
  }

  cpu(): PackedSequence {
    return this.to("cpu");
  }

  *[Symbol.iterator](): Generator<Tensor | null> {
    yield this.data;
    yield this.batchSizes;
    yield this.sortedIndices;
    yield this.unsortedIndices;
  }
}

/** The permutation that undoes another. */
export function invertPermutation(permutation: Tensor | null): Tensor | null {
  if (!permutation) return null;
  const inverse: number[] = [];
  (permutation.tolist() as number[]).forEach((from, to) => (inverse[from] = to));
  return indexTensor(inverse, permutation.device);
}

const packPadded = "pack_padded_sequence(bool batch_first=False, bool enforce_sorted=True) -> any";

/**
 * Packs `[T, N, *]`, or `[N, T, *]` with `batchFirst`, by the lengths of its sequences. They must come longest first,
 * or be sorted here with `enforceSorted: false`.
 * @throws RuntimeError for lengths that are not positive, not sorted, or not as many as sequences.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Lengths,
  ...rest: CallArgs<typeof packPadded>
): PackedSequence {
  const { batchFirst, enforceSorted } = bound(packPadded, rest);
  let steps = batchFirst ? input.transpose(0, 1) : input;
  let sizes = numbersOf(lengths);
  let order: Tensor | null = null;
  if (steps.numel() === 0) throw new RuntimeError("Cannot pack empty tensors.");
  if (steps.shape[1] !== sizes.length) {
    throw new RuntimeError(
      `Expected \`len(lengths)\` to be equal to batch_size, but got ${String(sizes.length)} (batch_size=${String(steps.shape[1])})`,
    );
  }
  if (sizes.some((n) => n <= 0)) {
    throw new RuntimeError(
      "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0",
    );
  }
  if (!enforceSorted) {
    const places = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
    order = indexTensor(places, input.device);
    sizes = places.map((i) => sizes[i]!);
    steps = steps.indexSelect(1, order);
  } else if (sizes.some((n, i) => i > 0 && n > sizes[i - 1]!)) {
    throw new RuntimeError(
      "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass " +
        "`enforceSorted: false` to packPaddedSequence and/or packSequence to sidestep this requirement if you do not " +
        "need ONNX exportability.",
    );
  }
  const longest = sizes[0]!;
  if (longest > steps.shape[0]!) {
    throw new RuntimeError(
      `a length of ${String(longest)} does not fit the ${String(steps.shape[0])} steps of the input`,
    );
  }
  const batch = sizes.length;
  const rows: number[] = [];
  const batchSizes: number[] = [];
  for (let t = 0; t < longest; t++) {
    const left = sizes.filter((n) => n > t).length;
    batchSizes.push(left);
    for (let n = 0; n < left; n++) rows.push(t * batch + n);
  }
  const flat = steps.reshape(steps.shape[0]! * batch, ...steps.shape.slice(2));
  return new PackedSequence(
    flat.indexSelect(0, indexTensor(rows, input.device)),
    indexTensor(batchSizes),
    order,
    null,
  );
}

const padPacked =
  "pad_packed_sequence(bool batch_first=False, float padding_value=0.0, int? total_length=None) -> any";

/**
 * The sequences as `[T, N, *]`, or `[N, T, *]` with `batchFirst`, in the order they were given, and their lengths.
 * @throws ValueError when `totalLength` is shorter than the longest.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html
 */
export function padPackedSequence(
  sequence: PackedSequence,
  ...rest: CallArgs<typeof padPacked>
): [Tensor, Tensor] {
  const { batchFirst, paddingValue, totalLength } = bound(padPacked, rest);
  const sizes = sequence.batchSizes.tolist() as number[];
  if (totalLength !== null && totalLength < sizes.length) {
    throw new ValueError(
      `Expected total_length to be at least the length of the longest sequence in input, but got total_length=${String(totalLength)} and max sequence length being ${String(sizes.length)}`,
    );
  }
  const steps = totalLength ?? sizes.length;
  const batch = sizes[0] ?? 0;
  const { data } = sequence;
  const total = data.shape[0]!;
  const item = data.shape.slice(1);
  const lengths = Array.from({ length: batch }, (_, n) => sizes.filter((s) => s > n).length);
  const places = sequence.unsortedIndices
    ? (sequence.unsortedIndices.tolist() as number[])
    : lengths.map((_, n) => n);
  const starts: number[] = [];
  let start = 0;
  for (const size of sizes) {
    starts.push(start);
    start += size;
  }
  // Where a sequence has ended, the row behind the data: the padding.
  const row = (t: number, n: number): number => (t < lengths[n]! ? starts[t]! + n : total);
  const rows = Array.from({ length: steps }, (_, t) => places.map((n) => row(t, n))).flat();
  const padding = torch.full([1, ...item], paddingValue, { dtype: data.dtype, device: data.device });
  const padded = torch
    .cat([data, padding], 0)
    .indexSelect(0, indexTensor(rows, data.device))
    .reshape(steps, batch, ...item);
  return [batchFirst ? padded.transpose(0, 1) : padded, indexTensor(places.map((n) => lengths[n]!))];
}

const padAll = "pad_sequence(bool batch_first=False, float padding_value=0.0) -> any";

/**
 * Puts sequences `[Lᵢ, *]` side by side, padded to the longest: `[T, N, *]`, or `[N, T, *]` with `batchFirst`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html
 */
export function padSequence(sequences: Iterable<Tensor> | Tensor, ...rest: CallArgs<typeof padAll>): Tensor {
  const { batchFirst, paddingValue } = bound(padAll, rest);
  const list = sequences instanceof Tensor ? [...sequences.unbind(0)] : [...sequences];
  if (list.length === 0) throw new RuntimeError("received an empty list of sequences");
  const longest = Math.max(...list.map((t) => t.shape[0]!));
  const padded = list.map((t) => {
    const missing = longest - t.shape[0]!;
    if (missing === 0) return t;
    const pads = [...t.shape.slice(1).flatMap(() => [0, 0]), 0, missing];
    return F.pad(t, pads, { value: paddingValue });
  });
  return torch.stack(padded, batchFirst ? 0 : 1);
}

const unpad = "unpad_sequence(bool batch_first=False) -> any";

/** The sequences of a padded tensor, each without its padding. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpad_sequence.html */
export function unpadSequence(
  paddedSequences: Tensor,
  lengths: Lengths,
  ...rest: CallArgs<typeof unpad>
): Tensor[] {
  const { batchFirst } = bound(unpad, rest);
  const axis = batchFirst ? 0 : 1;
  return numbersOf(lengths).map((n, i) => paddedSequences.select(axis, i).narrow(0, 0, n));
}

const packAll = "pack_sequence(bool enforce_sorted=True) -> any";

/** Packs sequences `[Lᵢ, *]`. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_sequence.html */
export function packSequence(
  sequences: readonly Tensor[],
  ...rest: CallArgs<typeof packAll>
): PackedSequence {
  const { enforceSorted } = bound(packAll, rest);
  return packPaddedSequence(
    padSequence(sequences),
    sequences.map((t) => t.shape[0]!),
    { enforceSorted },
  );
}

/** The sequences of a packed one. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpack_sequence.html */
export function unpackSequence(packedSequences: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(packedSequences, { batchFirst: true });
  return unpadSequence(padded, lengths, { batchFirst: true });
}
