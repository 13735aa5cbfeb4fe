// esbuild collects the styles of a view into dist/webview/<view>.css.
declare module "*.css";
