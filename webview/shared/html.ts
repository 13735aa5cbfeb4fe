import type { ViewName } from "./protocol.js";

export interface PageOptions {
  readonly view: ViewName;
  readonly title: string;
  /** A BCP 47 tag for the page's language. */
  readonly locale: string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
  /** Webview URIs of `dist/webview/<view>.js` and `.css`. */
  readonly scriptUri: string;
  readonly styleUri: string;
  /** A fresh one per page: `createNonce()`. */
  readonly nonce: string;
}

/** 128 random bits for one page's scripts. */
export function createNonce(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/**
 * The page of a webview. Nothing loads but our own script (by nonce) and styles. `'unsafe-inline'` is for the
 * toolkit's components, which put their styles into `<style>` elements.
 */
export function pageHtml(options: PageOptions): string {
  const { view, title, locale, cspSource, scriptUri, styleUri, nonce } = options;
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'unsafe-inline'`,
    `img-src ${cspSource} data:`,
    `font-src ${cspSource}`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${escape(locale)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="stylesheet" href="${escape(styleUri)}">
</head>
<body data-view="${escape(view)}">
<main id="root" class="view-${escape(view)}"></main>
<script nonce="${escape(nonce)}" src="${escape(scriptUri)}"></script>
</body>
</html>
`;
}
