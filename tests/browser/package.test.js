// The module as others take it: as a package, with its types, by a bundler.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
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
const errors = (output) =>
  Array.from(output.matchAll(/^(\S+)\((\d+),\d+\): error/gm), ([, file, line]) => `${file}:${line}`);

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

test("npm pack makes a package of the module, its types and the licences", async () => {
  const project = await consumer();
  const files = ["LICENSE-APACHE", "LICENSE-MIT", "package.json", "vestibule.d.ts", "vestibule.js"];
  assert.deepEqual((await readdir(path.join(project, "node_modules/@vestibule-federation/vestibule"))).sort(), files);

  const { version, dependencies, sideEffects } = JSON.parse(await read("static/package.json"));
  assert.equal(version, (await read("Cargo.toml")).match(/^version = "(.+)"$/m)[1]);
  assert.equal(dependencies, undefined);
  // To import it takes the ticket out of the address. No bundler may drop that.
  assert.equal(sideEffects, true);
  assert.ok((await read("docs/PAGE.md")).includes(`npm install ./vestibule-federation-vestibule-${version}.tgz`));

  const list = 'import("@vestibule-federation/vestibule").then((module) => console.log(Object.keys(module).sort().join(" ")))';
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", list], { cwd: project });
  assert.equal(stdout.trim(), "Choice VestibuleError canStart complete configure credentialProvider ping start");
});

for (const [module, moduleResolution] of [["esnext", "bundler"], ["nodenext", "nodenext"]]) {
  test(`TypeScript reads the package's types: ${moduleResolution}, without allowJs`, async () => {
    const project = await consumer();
    await configureTypeScript(project, { module, moduleResolution });
    for (const file of ["consumer.ts", "consumer.wrong.ts"]) {
      await copyFile(path.join(here, file), path.join(project, file));
    }
    const output = await tsc(project, "--project", ".");
    assert.deepEqual(errors(output), [6, 7, 8, 9, 10, 11, 12, 13].map((line) => `consumer.wrong.ts:${line}`), output);
  });
}

test("TypeScript reads the package's types for the service's address", async () => {
  const project = await consumer();
  const [{ compilerOptions }] = (await blocks("json")).filter((block) => block.includes("paths")).map(JSON.parse);
  await configureTypeScript(project, compilerOptions);
  const [address] = Object.keys(compilerOptions.paths);
  for (const file of ["consumer.ts", "consumer.wrong.ts"]) {
    const text = await read(`tests/browser/${file}`);
    await writeFile(path.join(project, file), text.replace('from "@vestibule-federation/vestibule"', `from "${address}"`));
  }
  const output = await tsc(project, "--project", ".");
  assert.deepEqual(errors(output), [6, 7, 8, 9, 10, 11, 12, 13].map((line) => `consumer.wrong.ts:${line}`), output);
});

test("a page that uses the AWS SDK is TypeScript, and so is what docs/PAGE.md shows", async () => {
  const project = await consumer();
  await symlink(path.join(here, "node_modules/@aws-sdk"), path.join(project, "node_modules/@aws-sdk"));
  // The SDK's own types want those of node.
  await configureTypeScript(project, { skipLibCheck: true });
  await copyFile(path.join(here, "consumer.aws.ts"), path.join(project, "consumer.aws.ts"));
  const recipes = (await blocks("js")).filter((block) => block.includes('from "@vestibule-federation/vestibule"'));
  assert.equal(recipes.length, 2, "are they still found?");
  for (const [number, recipe] of recipes.entries()) {
    await writeFile(path.join(project, `recipe-${number}.ts`), recipe);
  }
  assert.equal(await tsc(project, "--project", "."), "");
});

/** A project of somebody else, who installed the package. */
async function consumer() {
  const project = await mkdtemp(path.join(scratch, "consumer-"));
  await writeFile(path.join(project, "package.json"), '{ "private": true, "type": "module" }');
  await npm(project, "install", await tarball());
  return project;
}

let packed;
/** What `npm pack` makes, in a copy: what it does on the way happens there. */
function tarball() {
  packed ??= (async () => {
    const checkout = path.join(scratch, "checkout");
    await mkdir(checkout);
    await cp(path.join(root, "static"), path.join(checkout, "static"), { recursive: true });
    for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) {
      await copyFile(path.join(root, licence), path.join(checkout, licence));
    }
    await npm(path.join(checkout, "static"), "pack", "--ignore-scripts=false", "--pack-destination", checkout);
    const [name, ...others] = (await readdir(checkout)).filter((file) => file.endsWith(".tgz"));
    assert.deepEqual(others, []);
    assert.deepEqual(await readdir(path.join(checkout, "static")), await readdir(path.join(root, "static")));
    return path.join(checkout, name);
  })();
  return packed;
}

/** npm without the network, and without what this machine has of packages. */
function npm(directory, ...words) {
  const options = ["--offline", "--no-audit", "--no-fund", "--no-update-notifier"];
  return run("npm", [...words, ...options, "--cache", path.join(scratch, "npm")], { cwd: directory });
}

function configureTypeScript(project, compilerOptions) {
  const lib = ["es2023", "dom", "dom.iterable"];
  const all = { target: "es2022", lib, module: "esnext", moduleResolution: "bundler", ...compilerOptions };
  return writeFile(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: all }));
}

/** The blocks of docs/PAGE.md in this language. */
async function blocks(language) {
  const found = (await read("docs/PAGE.md")).matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return Array.from(found).flatMap(([, of, body]) => (of === language ? [body] : []));
}
