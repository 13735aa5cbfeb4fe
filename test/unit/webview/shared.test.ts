import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { logTicks, makeAxis, shortCount } from "../../../webview/shared/charts.js";
import { createNonce, pageHtml } from "../../../webview/shared/html.js";
import { format } from "../../../webview/shared/strings/format.js";
import { webviewStrings } from "../../../webview/shared/strings/index.js";
import { duration, measured, numberTexts } from "../../../webview/shared/text.js";
import { contrast, inkOn, readable } from "../../../webview/shared/theme.js";

suite("page", () => {
  const html = pageHtml({
    view: "curves",
    title: 'A <b>"title"</b>',
    locale: "zh-cn",
    cspSource: "https://source.test",
    scriptUri: "https://source.test/curves.js",
    styleUri: "https://source.test/curves.css",
    nonce: "abc123",
  });
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/
    .exec(html)?.[1]
    ?.replaceAll("&#39;", "'");

  test("nothing loads but what the policy names", () => {
    const directives = new Map(
      policy?.split("; ").map((directive) => {
        const [name = "", ...sources] = directive.split(" ");
        return [name, sources.join(" ")];
      }),
    );
    assert.equal(directives.get("default-src"), "'none'");
    assert.equal(directives.get("script-src"), "'nonce-abc123'");
    assert.equal(directives.get("style-src"), "https://source.test 'unsafe-inline'");
    assert.equal(directives.has("connect-src"), false);
    assert.equal(html.match(/<script/g)?.length, 1);
    assert.match(html, /<script nonce="abc123" src="https:\/\/source.test\/curves.js"><\/script>/);
  });

  test("texts are escaped, the language is set", () => {
    assert.ok(!html.includes("<b>"));
    assert.match(html, /<html lang="zh-cn">/);
  });

  test("every page has its own nonce", () => {
    const nonces = new Set(Array.from({ length: 50 }, createNonce));
    assert.equal(nonces.size, 50);
    for (const nonce of nonces) assert.match(nonce, /^[0-9a-f]{32}$/);
  });
});

suite("strings", () => {
  const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

  for (const view of ["modules", "curves", "calculator"] as const) {
    test(`${view}: Chinese has every text with the same places`, () => {
      const english = webviewStrings(view, "en");
      const chinese = webviewStrings(view, "zh-cn");
      assert.notEqual(english["title"], chinese["title"]);
      assert.deepEqual(Object.keys(chinese), Object.keys(english));
      for (const [key, text] of Object.entries(english)) {
        assert.deepEqual(places(chinese[key]!), places(text), key);
      }
    });
  }

  test("simplified Chinese for its tags only", () => {
    const chinese = webviewStrings("curves", "zh-cn");
    for (const locale of ["zh", "zh-CN", "zh-Hans", "zh-Hans-CN", "zh-SG"]) {
      assert.equal(webviewStrings("curves", locale), chinese, locale);
    }
    for (const locale of ["en", "de", "zh-tw", "zh-Hant-HK", "zhx"]) {
      assert.notEqual(webviewStrings("curves", locale), chinese, locale);
    }
  });

  test("values fill their places; what is missing shows", () => {
    assert.equal(format("{a} of {b}, {a}", { a: 1, b: "two" }), "1 of two, 1");
    assert.equal(format("{a} {c}", { a: "$&" }), "$& {c}");
  });
});

suite("numbers as text", () => {
  test("counts, bytes, shares", () => {
    const { count, compact, bytes, share } = numberTexts("en");
    assert.equal(count(61706), "61,706");
    assert.equal(compact(9999), "9,999");
    assert.equal(compact(61706), "61.7 k");
    assert.equal(compact(999_960), "1 M");
    assert.equal(compact(1_820_000_000), "1.82 G");
    assert.equal(bytes(624), "624 B");
    assert.equal(bytes(246_824), "241 KiB");
    assert.equal(share(0.958), "95.8 %");
    assert.equal(share(0), "0.0 %");
    assert.equal(share(0.0001), "< 0.1 %");
    assert.equal(numberTexts("not a locale!").count(1234), "1,234");
  });

  test("measured values", () => {
    const texts: [number, string][] = [
      [0, "0"],
      [0.1 + 0.2, "0.3"],
      [2.302585, "2.3026"],
      [-0.5, "−0.5"],
      [123456, "123456"],
      [0.00001234, "1.234e−5"],
      [1e21, "1e21"],
      [NaN, "NaN"],
      [-Infinity, "−∞"],
    ];
    for (const [value, text] of texts) assert.equal(measured(value), text);
  });

  test("durations", () => {
    const texts: [number, string][] = [
      [0, "0 s"],
      [0.25, "0.3 s"],
      [42.4, "42 s"],
      [65, "1:05"],
      [7389, "2:03:09"],
      [Infinity, "–"],
    ];
    for (const [seconds, text] of texts) assert.equal(duration(seconds), text);
  });
});

suite("axes", () => {
  const axis = (
    domain: [number, number],
    log: boolean,
    quantity: "number" | "count" | "duration" = "number",
  ) => makeAxis({ domain, range: [0, 100], log, quantity, locale: "en", count: 5 });

  test("logarithmic ticks", () => {
    assert.deepEqual(logTicks([0.001, 1000], 5), [0.01, 1, 100]);
    assert.deepEqual(logTicks([1, 100], 6), [1, 2, 5, 10, 20, 50, 100]);
    assert.deepEqual(logTicks([1e-5, 1e-2], 5), [1e-5, 1e-4, 1e-3, 1e-2]);
    const within = logTicks([2, 4], 5);
    assert.ok(within.length >= 4 && within.every((tick) => tick >= 2 && tick <= 4));
  });

  test("places and values correspond", () => {
    for (const log of [false, true]) {
      const x = axis([1, 1000], log);
      for (const value of [1, 10, 500, 1000]) assert.ok(Math.abs(x.invert(x(value)) - value) < 1e-9);
    }
    assert.equal(axis([1, 100], true)(10), 50);
  });

  test("steps have whole ticks, times round ones", () => {
    assert.deepEqual(axis([0, 2], false, "count").ticks, [0, 1, 2]);
    const minutes = axis([0, 240_000], false, "duration");
    assert.deepEqual(
      minutes.ticks.map((tick) => minutes.format(tick)),
      ["0 s", "1:00", "2:00", "3:00", "4:00"],
    );
    assert.deepEqual([500, 12_000, 2_500_000].map(shortCount), ["500", "12k", "2.5M"]);
  });
});

suite("colours", () => {
  test("contrast is that of WCAG", () => {
    assert.equal(contrast("#000000", "#ffffff"), 21);
    assert.equal(contrast("#777777", "#777777"), 1);
  });

  test("colours are moved until they can be read, no further", () => {
    for (const background of ["#ffffff", "#1f1f1f", "#000000"]) {
      for (const color of ["#ffff00", "#000080", "#808080", background]) {
        assert.ok(contrast(readable(color, background, 3), background) >= 3, `${color} on ${background}`);
      }
    }
    assert.equal(readable("#0000ff", "#ffffff", 3), "#0000ff");
    assert.equal(inkOn("#ffff00"), "#000000");
    assert.equal(inkOn("#000080"), "#ffffff");
  });
});
