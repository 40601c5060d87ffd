// The module as others take it: by a bundler.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const read = (file) => readFile(path.join(root, file), "utf8");

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
