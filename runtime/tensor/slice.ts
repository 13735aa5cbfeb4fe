/** A Python slice for `x.at(...)`: `torch.slice(1, 3)` is `1:3`, `torch.slice(null, null, 2)` is `::2`. */
export class Slice {
  readonly start: number | null;
  readonly end: number | null;
  readonly step: number;

  constructor(start: number | null, end: number | null, step: number | null) {
    this.start = start;
    this.end = end;
    this.step = step ?? 1;
  }
}
