/**
 * Sorting and selecting that is not stable, step for step as the C++ standard library of GCC does it. PyTorch's `topk`,
 * `median` and `mode` stand on these, and among equal elements the index they give, and so the gradient, is where these
 * steps leave it. The algorithms are D. Musser's introsort and introselect with J. Williams' heap.
 */
import type { Before } from "./order.js";

/** A range of indices with its order. */
class Range {
  readonly a: Int32Array;
  readonly before: Before;

  constructor(a: Int32Array, before: Before) {
    this.a = a;
    this.before = before;
  }

  less(i: number, j: number): boolean {
    return this.before(this.a[i]!, this.a[j]!);
  }

  swap(i: number, j: number): void {
    const { a } = this;
    const t = a[i]!;
    a[i] = a[j]!;
    a[j] = t;
  }

  /** Puts the median of three places at `to`. */
  medianToFirst(to: number, x: number, y: number, z: number): void {
    if (this.less(x, y)) this.swap(to, this.less(y, z) ? y : this.less(x, z) ? z : x);
    else this.swap(to, this.less(x, z) ? x : this.less(y, z) ? z : y);
  }

  /** Parts a range around the median of its first, middle and last element; gives where the upper part starts. */
  partition(first: number, last: number): number {
    this.medianToFirst(first, first + 1, first + ((last - first) >> 1), last - 1);
    let [low, high] = [first + 1, last];
    for (;;) {
      while (this.less(low, first)) low++;
      high--;
      while (this.less(first, high)) high--;
      if (low >= high) return low;
      this.swap(low, high);
      low++;
    }
  }

  /** Moves an element down to its place; an element that is not after it must stand before it. */
  insert(at: number): void {
    const { a, before } = this;
    const value = a[at]!;
    let i = at;
    for (; before(value, a[i - 1]!); i--) a[i] = a[i - 1]!;
    a[i] = value;
  }

  insertionSort(first: number, last: number): void {
    for (let i = first + 1; i < last; i++) {
      if (this.less(i, first)) {
        const value = this.a[i]!;
        this.a.copyWithin(first + 1, first, i);
        this.a[first] = value;
      } else this.insert(i);
    }
  }

  /** Lets a value sink from a hole to the leaves and rise again to its place. */
  sink(first: number, from: number, length: number, value: number): void {
    const { a, before } = this;
    let hole = from;
    let child = from;
    while (child < (length - 1) >> 1) {
      child = 2 * (child + 1);
      if (this.less(first + child, first + child - 1)) child--;
      a[first + hole] = a[first + child]!;
      hole = child;
    }
    if (length % 2 === 0 && child === (length - 2) >> 1) {
      child = 2 * child + 1;
      a[first + hole] = a[first + child]!;
      hole = child;
    }
    for (let parent = (hole - 1) >> 1; hole > from && before(a[first + parent]!, value);) {
      a[first + hole] = a[first + parent]!;
      hole = parent;
      parent = (hole - 1) >> 1;
    }
    a[first + hole] = value;
  }

  makeHeap(first: number, last: number): void {
    const length = last - first;
    for (let parent = (length - 2) >> 1; parent >= 0; parent--) {
      this.sink(first, parent, length, this.a[first + parent]!);
    }
  }

  /** Takes the heap's top out to `to`, and what stood there in. */
  popHeap(first: number, last: number, to: number): void {
    const value = this.a[to]!;
    this.a[to] = this.a[first]!;
    this.sink(first, 0, last - first, value);
  }

  /** The smallest elements of the range into first … middle, as a heap. */
  heapSelect(first: number, middle: number, last: number): void {
    this.makeHeap(first, middle);
    for (let i = middle; i < last; i++) if (this.less(i, first)) this.popHeap(first, middle, i);
  }

  partialSort(first: number, middle: number, last: number): void {
    this.heapSelect(first, middle, last);
    for (let end = middle; end - first > 1;) {
      end--;
      this.popHeap(first, end, end);
    }
  }

  introsort(first: number, end: number, depth: number): void {
    let last = end;
    for (let left = depth; last - first > SMALL; left--) {
      if (left === 0) {
        this.partialSort(first, last, last);
        return;
      }
      const cut = this.partition(first, last);
      this.introsort(cut, last, left - 1);
      last = cut;
    }
  }
}

const SMALL = 16;
const depthFor = (length: number): number => 2 * (31 - Math.clz32(length));

/** `std::sort` of a[0 … end). */
export function sort(a: Int32Array, before: Before, end = a.length): void {
  if (end === 0) return;
  const range = new Range(a, before);
  range.introsort(0, end, depthFor(end));
  range.insertionSort(0, Math.min(SMALL, end));
  for (let i = SMALL; i < end; i++) range.insert(i);
}

/** `std::partial_sort`: the first `middle` elements, sorted. */
export function partialSort(a: Int32Array, before: Before, middle: number): void {
  new Range(a, before).partialSort(0, middle, a.length);
}

/** `std::nth_element`: the `nth` element in its place, smaller ones before it. */
export function nthElement(a: Int32Array, before: Before, nth: number): void {
  let [first, last] = [0, a.length];
  if (nth >= last) return;
  const range = new Range(a, before);
  for (let depth = depthFor(last); last - first > 3; depth--) {
    if (depth === 0) {
      range.heapSelect(first, nth + 1, last);
      range.swap(first, nth);
      return;
    }
    const cut = range.partition(first, last);
    if (cut <= nth) first = cut;
    else last = cut;
  }
  range.insertionSort(first, last);
}

/** C. Hoare's quickselect with the median of three as pivot, as PyTorch's `kthvalue` has it. */
export function quickSelect(a: Int32Array, after: Before, k: number): void {
  const range = new Range(a, after);
  const greater = (i: number, j: number): boolean => range.less(i, j);
  let [low, high] = [0, a.length - 1];
  while (high > low) {
    if (high === low + 1) {
      if (greater(low, high)) range.swap(low, high);
      return;
    }
    range.swap((low + high) >> 1, low + 1);
    if (greater(low + 1, high)) range.swap(low + 1, high);
    if (greater(low, high)) range.swap(low, high);
    if (greater(low + 1, low)) range.swap(low + 1, low);
    const pivot = a[low]!;
    let [i, j] = [low + 1, high];
    for (;;) {
      do i++;
      while (after(pivot, a[i]!));
      do j--;
      while (after(a[j]!, pivot));
      if (j < i) break;
      range.swap(i, j);
    }
    range.swap(low, j);
    if (j <= k) low = i;
    if (j >= k) high = j - 1;
  }
}
