import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  Channel,
  ChannelError,
  decodeValue,
  encodeValue,
  RemoteError,
} from "../../../webview/shared/protocol.js";
import type {
  CalculatorToHost,
  CalculatorToWebview,
  CurvesToHost,
  CurvesToWebview,
  Endpoint,
} from "../../../webview/shared/protocol.js";

/** Two endpoints that hear each other, by JSON, a tick later. */
function pair(): [Endpoint, Endpoint] {
  const listeners: [Set<(m: unknown) => void>, Set<(m: unknown) => void>] = [new Set(), new Set()];
  const end = (own: 0 | 1): Endpoint => ({
    post(message) {
      const copy: unknown = JSON.parse(JSON.stringify(message));
      setImmediate(() => listeners[own === 0 ? 1 : 0].forEach((listener) => listener(copy)));
    },
    subscribe(listener) {
      listeners[own].add(listener);
      return () => listeners[own].delete(listener);
    },
  });
  return [end(0), end(1)];
}

function channels() {
  const [a, b] = pair();
  return {
    host: new Channel<CurvesToWebview, CurvesToHost>(a),
    view: new Channel<CurvesToHost, CurvesToWebview>(b),
    raw: a,
  };
}

suite("channel", () => {
  test("a message arrives at its handler, others are ignored", async () => {
    const { host, view, raw } = channels();
    const cancelled = new Promise<string>((resolve) => host.on("cancel", ({ run }) => resolve(run)));
    raw.post("not ours");
    view.send({ type: "ready" });
    view.send({ type: "cancel", run: "a" });
    assert.equal(await cancelled, "a");
  });

  test("a request is answered, also later", async () => {
    const { host, view } = channels();
    host.on("saveText", async ({ text }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { saved: text === "x" };
    });
    const [first, second] = await Promise.all([
      view.request({ type: "saveText", fileName: "a.csv", text: "x" }),
      view.request({ type: "saveText", fileName: "b.csv", text: "y" }),
    ]);
    assert.deepEqual([first.saved, second.saved], [true, false]);
  });

  test("what the other side throws comes back with name and message", async () => {
    const { host, view } = channels();
    host.on("saveText", () => {
      throw new RangeError("disk full");
    });
    await assert.rejects(view.request({ type: "saveText", fileName: "a.csv", text: "" }), (error) => {
      assert.ok(error instanceof RemoteError);
      assert.equal(error.name, "RangeError");
      assert.equal(error.message, "disk full");
      assert.match(error.remoteStack ?? "", /disk full/);
      return true;
    });
  });

  test("a request nobody handles is refused, not left waiting", async () => {
    const { view } = channels();
    await assert.rejects(view.request({ type: "saveText", fileName: "a", text: "" }), {
      name: "ChannelError",
      message: '"saveText": nobody handles this request',
    });
  });

  test("no answer: the timeout rejects, and a late answer does no harm", async () => {
    const { host, view } = channels();
    let answer: (() => void) | undefined;
    host.on("saveText", () => new Promise((resolve) => (answer = () => resolve({ saved: true }))));
    await assert.rejects(
      view.request({ type: "saveText", fileName: "a", text: "" }, { timeout: 20 }),
      (error) => error instanceof ChannelError && /no answer within 20 ms/.test(error.message),
    );
    answer?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("closing rejects what waits and silences the rest", async () => {
    const [a, b] = pair();
    const host = new Channel<CalculatorToWebview, CalculatorToHost>(a);
    const view = new Channel<CalculatorToHost, CalculatorToWebview>(b);
    let heard = 0;
    host.on("ready", () => void (heard += 1));
    const waiting = view.request({ type: "copyText", text: "" }, { timeout: Infinity });
    view.close();
    view.send({ type: "ready" });
    await assert.rejects(waiting, { message: "the channel was closed" });
    await assert.rejects(view.request({ type: "copyText", text: "" }), ChannelError);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(heard, 0);
  });
});

test("numbers that JSON lacks survive the trip", () => {
  for (const value of [0, -1.5, 1e-300, NaN, Infinity, -Infinity]) {
    const wire = JSON.parse(JSON.stringify(encodeValue(value))) as ReturnType<typeof encodeValue>;
    assert.ok(Object.is(decodeValue(wire), value), String(value));
  }
  assert.ok(Number.isNaN(decodeValue(null)));
});
