import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  CurveStore,
  matchRuns,
  padRange,
  Series,
  spread,
  thin,
  toCsv,
  valueRange,
} from "../../../webview/curves/series.js";
import { noise } from "../../webview/samples.js";

function series(values: readonly number[], start = 0): Series {
  const result = new Series("run", "loss");
  values.forEach((value, i) => result.append(i, start + i * 1000, value));
  return result;
}

const smoothed = (s: Series, weight: number) => {
  s.smooth(weight);
  return Array.from(s.smoothed.subarray(0, s.length));
};

suite("smoothing", () => {
  test("is the debiased moving average by its definition", () => {
    const random = noise(7);
    const values = Array.from({ length: 300 }, random);
    for (const weight of [0.3, 0.6, 0.99, 0.999]) {
      let m = 0;
      const expected = values.map((value, i) => {
        m = weight * m + (1 - weight) * value;
        return m / (1 - weight ** (i + 1));
      });
      smoothed(series(values), weight).forEach((value, i) => {
        assert.ok(Math.abs(value - expected[i]!) < 1e-9, `${weight} at ${i}`);
      });
    }
  });

  test("weight 0 is the curve itself, a constant stays exactly constant", () => {
    const values = [3, 1, 4, 1, 5];
    assert.deepEqual(smoothed(series(values), 0), values);
    const constant = Array.from({ length: 500 }, () => 0.1);
    for (const weight of [0.6, 0.9, 0.999]) {
      assert.deepEqual(new Set(smoothed(series(constant), weight)), new Set([0.1]));
    }
  });

  test("does not depend on when it is computed", () => {
    const random = noise(3);
    const values = Array.from({ length: 200 }, random);
    const live = new Series("run", "loss");
    values.forEach((value, i) => {
      live.append(i, i, value);
      if (i % 7 === 0) live.smooth(0.9);
    });
    assert.deepEqual(smoothed(live, 0.9), smoothed(series(values), 0.9));
    live.smooth(0.2);
    assert.deepEqual(smoothed(live, 0.9), smoothed(series(values), 0.9));
  });

  test("values that are not finite leave the average as it is", () => {
    const result = smoothed(series([NaN, 1, NaN, 2, Infinity, 3]), 0.5);
    assert.ok(Number.isNaN(result[0]));
    assert.equal(result[1], 1);
    assert.equal(result[2], 1);
    assert.equal(result[4], result[3]);
    assert.equal(result[5], smoothed(series([1, 2, 3]), 0.5)[2]);
  });
});

suite("points", () => {
  test("a run begun again is cut in all its series, and in no other run's", () => {
    const store = new CurveStore();
    for (const run of ["a", "b"]) {
      for (const tag of ["loss", "rate"])
        for (const step of [1, 2, 3]) store.append(run, tag, step, step, step);
    }
    store.cut("a", 2);
    assert.deepEqual(
      ["loss", "rate"].map((tag) => [store.series(tag, "a")?.length, store.series(tag, "b")?.length]),
      [
        [1, 3],
        [1, 3],
      ],
    );
    assert.equal(store.points, 8);
  });

  test("a run resumed from a checkpoint replaces what came after it", () => {
    const s = series([9, 8, 7, 6, 5]);
    s.smooth(0.5);
    s.append(2, 9000, 70);
    assert.equal(s.length, 3);
    assert.deepEqual([...s.values.subarray(0, 3)], [9, 8, 70]);
    assert.deepEqual(smoothed(s, 0.5), smoothed(series([9, 8, 70]), 0.5));
    s.append(2, 9000, 71);
    assert.deepEqual([...s.values.subarray(0, s.length)], [9, 8, 71]);
    s.append(-1, 9000, 1);
    assert.equal(s.length, 1);
  });

  test("many points grow the columns and stay in order", () => {
    const s = series(Array.from({ length: 10_000 }, (_, i) => i));
    assert.equal(s.length, 10_000);
    assert.equal(s.values[9_999], 9_999);
    assert.equal(s.walls[5_000], 5_000_000);
  });

  test("nearest and slice on each axis", () => {
    const s = series([0, 1, 2, 3, 4], 100_000);
    assert.equal(s.nearest(2.4, "step", 100_000), 2);
    assert.equal(s.nearest(2.6, "step", 100_000), 3);
    assert.equal(s.nearest(-5, "step", 100_000), 0);
    assert.equal(s.nearest(99, "step", 100_000), 4);
    assert.equal(s.nearest(1900, "relative", 100_000), 2);
    assert.equal(s.nearest(103_100, "wall", 100_000), 3);
    assert.deepEqual(s.slice([1, 3], "step", 0), [1, 4]);
    assert.deepEqual(s.slice([1500, 3500], "relative", 100_000), [2, 4]);
    assert.equal(new Series("a", "b").nearest(1, "step", 0), -1);
  });

  test("the store keeps order and counts what remains", () => {
    const store = new CurveStore();
    store.append("b", "loss", 0, 500, 1);
    store.append("a", "loss", 0, 400, 1);
    store.append("a", "accuracy", 0, 300, 1);
    store.append("b", "loss", 1, 600, 1);
    store.append("b", "loss", 0, 700, 2);
    assert.deepEqual(store.runs, ["b", "a"]);
    assert.deepEqual(store.tags, ["loss", "accuracy"]);
    assert.equal(store.points, 3);
    assert.equal(store.start("a"), 300);
    store.clear();
    assert.deepEqual([store.runs.length, store.tags.length, store.points], [0, 0, 0]);
  });
});

suite("ranges", () => {
  const column = (values: readonly number[]) => Float64Array.from(values);

  test("rare extremes of a curve are left out, its course is not", () => {
    const values = Array.from({ length: 1000 }, (_, i) => 2 * Math.exp(-i / 200));
    values[500] = 1000;
    values[700] = -1000;
    const clipped = valueRange(column(values), 0, 1000, true, false)!;
    assert.ok(clipped[1] < 10 && clipped[0] > -10, String(clipped));
    assert.ok(clipped[1] >= 2 && clipped[0] <= 2 * Math.exp(-5), String(clipped));
    assert.deepEqual(valueRange(column(values), 0, 1000, false, false), [-1000, 1000]);
  });

  test("a steep beginning is the curve's course, not an outlier", () => {
    const values = Array.from({ length: 400 }, (_, i) => 4 * Math.exp(-i / 10));
    assert.equal(valueRange(column(values), 0, 400, true, false)![1], 4);
    values[200] = 100;
    assert.ok(valueRange(column(values), 0, 400, true, false)![1] < 6);
  });

  test("without outliers clipping changes nothing", () => {
    const values = Array.from({ length: 400 }, (_, i) => Math.sin(i / 10));
    assert.deepEqual(
      valueRange(column(values), 0, 400, true, false),
      valueRange(column(values), 0, 400, false, false),
    );
  });

  test("few points and constant curves are never clipped", () => {
    assert.deepEqual(valueRange(column([1, 1, 1, 50]), 0, 4, true, false), [1, 50]);
    const mostly = Array.from({ length: 100 }, (_, i) => (i === 50 ? 3 : 1));
    assert.deepEqual(valueRange(column(mostly), 0, 100, true, false), [1, 3]);
  });

  test("logarithmic: what is not above zero has no say", () => {
    assert.deepEqual(valueRange(column([-1, 0, 0.01, 10, NaN]), 0, 5, false, true), [0.01, 10]);
    assert.equal(valueRange(column([-1, 0]), 0, 2, false, true), undefined);
  });

  test("a constant gets a range about itself, whatever its size", () => {
    assert.deepEqual(padRange([0, 0], false), [-0.5, 0.5]);
    for (const value of [1e-8, 1, -3, 1e12]) {
      const [low, high] = padRange([value, value * (1 + 1e-15)], false);
      assert.ok(high - low >= Math.abs(value) * 0.19, String(value));
    }
    assert.deepEqual(padRange([2, 2], true), [1, 4]);
    const [low, high] = padRange([1, 3], false);
    assert.ok(low < 1 && high > 3);
  });
});

suite("thinning", () => {
  test("keeps the extremes of every pixel column, in order", () => {
    const random = noise(11);
    const values = Float64Array.from({ length: 100_000 }, random);
    values[31_337] = 99;
    values[77_777] = -99;
    const pixel = (i: number) => i / 250;
    const kept = thin(values, 0, values.length, pixel, false);
    assert.ok(kept.length <= 4 * 400);
    assert.ok(kept.includes(31_337) && kept.includes(77_777));
    for (let i = 1; i < kept.length; i++) assert.ok(kept[i]! > kept[i - 1]!);
    const chosen = new Set(kept);
    for (let column = 0; column < 400; column++) {
      const part = [...values.subarray(column * 250, column * 250 + 250)];
      for (const extreme of [Math.min(...part), Math.max(...part)]) {
        assert.ok(chosen.has(column * 250 + part.indexOf(extreme)), `column ${column}`);
      }
    }
  });

  test("few points are all kept, the line breaks at gaps", () => {
    const values = Float64Array.from([1, 2, NaN, NaN, 3, -4, 5, NaN]);
    const pixel = (i: number) => i * 10;
    assert.deepEqual(thin(values, 0, 8, pixel, false), [0, 1, -1, 4, 5, 6]);
    assert.deepEqual(thin(values, 0, 8, pixel, true), [0, 1, -1, 4, -1, 6]);
    assert.deepEqual(thin(values, 2, 4, pixel, false), []);
  });
});

suite("lists", () => {
  test("a table's rows reach from the first to the last", () => {
    assert.deepEqual(spread(3, 10), [0, 1, 2]);
    assert.deepEqual(spread(101, 5), [0, 25, 50, 75, 100]);
  });

  test("CSV: quoted where it must be, one line per point, only the runs asked for", () => {
    const store = new CurveStore();
    store.append('a "x", y', "loss", 0, Date.UTC(2026, 0, 1), 0.5);
    store.append('a "x", y', "loss", 1, Date.UTC(2026, 0, 1, 0, 0, 2), NaN);
    store.append("b", "loss", 0, 0, 1);
    store.ofTag("loss").forEach((s) => s.smooth(0.5));
    assert.deepEqual(toCsv(store, ['a "x", y']).split("\r\n"), [
      "run,tag,step,wall_time,relative_seconds,value,smoothed",
      '"a ""x"", y",loss,0,2026-01-01T00:00:00.000Z,0,0.5,0.5',
      '"a ""x"", y",loss,1,2026-01-01T00:00:02.000Z,2,NaN,0.5',
      "",
    ]);
  });

  test("runs by regular expression; a broken one keeps all and says why", () => {
    const runs = ["lr-0.1/seed-0", "lr-0.1/seed-1", "Adam"];
    assert.deepEqual(matchRuns(runs, "seed-[01]$").runs, runs.slice(0, 2));
    assert.deepEqual(matchRuns(runs, "adam").runs, ["Adam"]);
    assert.deepEqual(matchRuns(runs, "").runs, runs);
    const broken = matchRuns(runs, "lr-(");
    assert.deepEqual(broken.runs, runs);
    assert.equal(broken.error, "Unterminated group");
  });
});
