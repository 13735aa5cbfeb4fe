/** Numbers in decimal as C and Python write them: exact ties go to the even digit, where JavaScript's go up. */

/** x = mantissa · 2^exponent. */
function parts(x: number): { mantissa: bigint; exponent: number } {
  const bits = new BigUint64Array(Float64Array.of(Math.abs(x)).buffer)[0]!;
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

/** |x| · 10^power, rounded to an integer, half to even. */
function scaled(x: number, power: number): bigint {
  const { mantissa, exponent } = parts(x);
  let top = mantissa;
  let bottom = 1n;
  if (power >= 0) top *= 10n ** BigInt(power);
  else bottom *= 10n ** BigInt(-power);
  if (exponent >= 0) top <<= BigInt(exponent);
  else bottom <<= BigInt(-exponent);
  const whole = top / bottom;
  const twice = 2n * (top % bottom);
  return twice > bottom || (twice === bottom && (whole & 1n) === 1n) ? whole + 1n : whole;
}

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

/** `f"{x:.{digits}f}"` of a finite number. */
export function fixed(x: number, digits: number): string {
  const sign = isNegative(x) ? "-" : "";
  const all = scaled(x, digits)
    .toString()
    .padStart(digits + 1, "0");
  const point = all.length - digits;
  return sign + (digits === 0 ? all : `${all.slice(0, point)}.${all.slice(point)}`);
}

/** `f"{x:.{digits}e}"` of a finite number. */
export function exponential(x: number, digits: number): string {
  const sign = isNegative(x) ? "-" : "";
  let power = x === 0 ? 0 : Math.floor(Math.log10(Math.abs(x)));
  let all = x === 0 ? "0".repeat(digits + 1) : scaled(x, digits - power).toString();
  // The logarithm may be off by one, and rounding up may give one digit more.
  if (all.length !== digits + 1) {
    power += all.length - digits - 1;
    all = scaled(x, digits - power).toString();
    if (all.length > digits + 1) {
      power++;
      all = all.slice(0, -1);
    }
  }
  const shown = digits === 0 ? all : `${all[0]!}.${all.slice(1)}`;
  return `${sign}${shown}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
