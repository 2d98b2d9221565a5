// node bundle.mjs OUT: the page's JavaScript, with all of Splunk's packages.
import { build } from 'esbuild';

await build({
    entryPoints: [new URL('page.jsx', import.meta.url).pathname],
    outfile: process.argv[2],
    bundle: true,
    minify: true,
    jsx: 'transform',
    mainFields: ['browser', 'module', 'main'],
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    logLevel: 'error',
});
