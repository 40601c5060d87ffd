// The module as others take it: its types, and by a bundler.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "../..");
const run = promisify(execFile);
const read = (file) => readFile(path.join(root, file), "utf8");

/** What tsc says of these files: "" is nothing. */
async function tsc(directory, ...options) {
  const program = path.join(here, "node_modules/typescript/bin/tsc");
  return run(process.execPath, [program, "--noEmit", "--strict", ...options], { cwd: directory }).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }) => stdout + stderr,
  );
}

/** Where the errors are. */
const lines = (output) => Array.from(output.matchAll(/^\S+\((\d+),\d+\): error/gm), ([, line]) => Number(line));

let scratch;
before(async () => (scratch = await mkdtemp(path.join(os.tmpdir(), "vestibule-package-"))));
after(() => rm(scratch, { recursive: true, force: true }));

test("the module loads where a bundler leaves import.meta empty", async () => {
  const bundled = path.join(scratch, "bundled.mjs");
  const page = 'globalThis.location = { href: "https://app.example.com/console/" };\n';
  await writeFile(bundled, page + (await read("static/vestibule.js")).replaceAll("import.meta", "({})"));
  try {
    assert.equal(typeof (await import(pathToFileURL(bundled))).start, "function");
  } finally {
    delete globalThis.location;
  }
});

test("the module's types are those of its JSDoc", async () => {
  await run("npm", ["run", "--silent", "types", "--", "--outDir", scratch], { cwd: here });
  const types = await readFile(path.join(scratch, "vestibule.d.ts"), "utf8");
  assert.equal(await read("static/vestibule.d.ts"), types, "`npm run types` in tests/browser/ writes them");
  assert.doesNotMatch(types, /: any\b/);
});

const PAGE = "--target es2022 --lib es2023,dom,dom.iterable --module esnext --moduleResolution bundler".split(" ");

test("the module and the page keep to the types", async () => {
  const files = ["static/vestibule.js", "static/page.js"];
  assert.equal(await tsc(root, ...PAGE, "--allowJs", "--checkJs", ...files), "");
});

test("TypeScript reads the types beside the module, without allowJs", async () => {
  assert.equal(await tsc(root, ...PAGE, "tests/browser/consumer.ts"), "");
  const wrong = await tsc(root, ...PAGE, "tests/browser/consumer.wrong.ts");
  assert.deepEqual(lines(wrong), [6, 7, 8, 9, 10], wrong);
});
