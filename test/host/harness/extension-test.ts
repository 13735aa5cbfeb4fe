/**
 * Tests that run inside the extension host, with the `vscode` API at hand. A file under
 * test/host/extension registers its tests here; `run` is what VS Code calls.
 */
interface ExtensionTest {
  readonly name: string;
  readonly body: () => Promise<void> | void;
}

/** A test's result, one line of JSON on the console, which reaches whoever started the workbench. */
export interface ExtensionTestResult {
  readonly name: string;
  readonly error?: string;
}

export const resultPrefix = "tensorscope-test-result ";

const tests: ExtensionTest[] = [];
const timeoutMs = 180_000;

export function test(name: string, body: () => Promise<void> | void): void {
  tests.push({ name, body });
}

async function attempt({ name, body }: ExtensionTest): Promise<ExtensionTestResult> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs / 1000} s`)), timeoutMs);
    });
    await Promise.race([body(), late]);
    return { name };
  } catch (error) {
    return { name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

export async function run(): Promise<void> {
  let failed = 0;
  for (const one of tests) {
    const result = await attempt(one);
    if (result.error !== undefined) failed += 1;
    console.log(resultPrefix + JSON.stringify(result));
  }
  if (failed > 0) throw new Error(`${failed} of ${tests.length} tests failed`);
}
