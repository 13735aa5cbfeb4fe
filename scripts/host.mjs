/**
 * Starts the browser host for a test, says where it is in one line of JSON, and ends it when standard
 * input closes. The argument is the JSON of startHost's options.
 */
import { startHost } from "./lib/host.mjs";

const host = await startHost(JSON.parse(process.argv[2] ?? "{}"));
console.log(JSON.stringify({ url: host.url, password: host.password, dataDir: host.dataDir }));
process.stdin.on("end", () => void host.close()).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void host.close());
await host.closed;
process.exit(0);
