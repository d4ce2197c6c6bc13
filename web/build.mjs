// Bundles the viewer into the one file that the Python package ships, with the licence text of what is in it.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = fileURLToPath(new URL("../src/bimotion/render/static/viewer.js", import.meta.url));
const body = fileURLToPath(new URL("../src/bimotion/render/static/body.json", import.meta.url));

// The same digest is computed by tests/render/test_page.py, so a bundle that is older than its sources is noticed.
const digest = createHash("sha256");
for (const name of readdirSync(`${here}src`).sort()) digest.update(readFileSync(`${here}src/${name}`));
for (const path of [body, `${here}build.mjs`, `${here}package-lock.json`]) digest.update(readFileSync(path));

const three = readFileSync(`${here}node_modules/three/LICENSE`, "utf8").trim();
const notice = [
  "bimotion viewer, Apache-2.0. Built from web/ by `npm ci && npm run build`; do not edit.",
  `sources sha256: ${digest.digest("hex")}`,
  "Contains three.js (https://threejs.org) under this licence:",
  three,
];
await build({
  entryPoints: [`${here}src/index.ts`],
  outfile: target,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  loader: { ".css": "text" },
  legalComments: "none", // the full licence text stands in the banner
  charset: "ascii",
  banner: { js: `/*!\n${notice.join("\n")}\n*/` },
});
// The page of `bimotion serve`, which loads the viewer beside it.
const pageDigest = createHash("sha256");
for (const name of readdirSync(`${here}page`).sort()) pageDigest.update(readFileSync(`${here}page/${name}`));
for (const path of [`${here}build.mjs`, `${here}package-lock.json`]) pageDigest.update(readFileSync(path));
const served = fileURLToPath(new URL("../src/bimotion/server/static/", import.meta.url));
await build({
  entryPoints: [`${here}page/app.ts`, `${here}page/app.css`],
  outdir: served,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  external: ["/static/*"],
  banner: {
    js: `/*! bimotion page, Apache-2.0. Built from web/ by \`npm ci && npm run build\`; do not edit.\nsources sha256: ${pageDigest.digest("hex")} */`,
  },
});
// Loaded only when a character has been dropped, as it has three.js once more and its reader of glTF.
await build({
  entryPoints: [`${here}page/character.ts`],
  outdir: served,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none",
  charset: "ascii",
  banner: { js: `/*!\n${notice.with(0, "bimotion character view, Apache-2.0. Built from web/; do not edit.").join("\n")}\n*/` },
});
copyFileSync(`${here}page/index.html`, `${served}index.html`);
// The page of `bimotion export page`, with ONNX Runtime's WebAssembly packed: it is unpacked when the page is exported.
const aloneDigest = createHash("sha256");
for (const folder of ["alone", "page", "src"])
  for (const name of readdirSync(`${here}${folder}`).sort()) aloneDigest.update(readFileSync(`${here}${folder}/${name}`));
for (const path of [`${here}build.mjs`, `${here}package-lock.json`]) aloneDigest.update(readFileSync(path));
const alone = fileURLToPath(new URL("../src/bimotion/export/static/", import.meta.url));
const runtime = `${here}node_modules/onnxruntime-web/dist/`;
mkdirSync(alone, { recursive: true });
for (const name of readdirSync(alone)) if (!name.endsWith(".xz")) rmSync(`${alone}${name}`);
await build({
  entryPoints: [`${here}alone/app.ts`, `${here}alone/worker.ts`],
  outdir: alone,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  chunkNames: "runtime-[hash]",
  banner: {
    js: `/*! bimotion, Apache-2.0, with ONNX Runtime Web, MIT (NOTICE.txt). Built from web/ by \`npm ci && npm run build\`; do not edit.\nsources sha256: ${aloneDigest.digest("hex")} */`,
  },
});
copyFileSync(`${here}alone/index.html`, `${alone}index.html`);
copyFileSync(`${here}page/app.css`, `${alone}app.css`);
copyFileSync(`${here}alone/NOTICE.txt`, `${alone}NOTICE.txt`);
for (const name of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"]) {
  const packed = `${alone}${name}.xz`;
  const room = { maxBuffer: 1 << 27 };
  const fresh = existsSync(packed) && execFileSync("xz", ["-dc", packed], room).equals(readFileSync(`${runtime}${name}`));
  if (!fresh) writeFileSync(packed, execFileSync("xz", ["-9", "--stdout", `${runtime}${name}`], room)); // a minute
}
console.log(`${target}: ${(readFileSync(target).length / 1024).toFixed(0)} KiB`);
