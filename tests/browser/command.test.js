// `vestibule login` and its page together: the real command, the real service, SimpleSAMLphp, a
// real browser. tests/shell/ has the command's other cases, shell.test.js the page's.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Visitor, launch, look, sites } from "./support.js";

const { vestibule, url: service } = sites.sealed ?? {};
const ENGINEER = "arn:aws:iam::111122223307:role/team/Engineer-11";
/** A click sooner is none. */
const ARMED_MS = 600;

let browser;
let home;
before(async () => {
  browser = await launch();
  home = await mkdtemp(path.join(os.tmpdir(), "vestibule-home-"));
  // The person's browser, as the command sees it: it learns the address.
  await writeFile(path.join(home, "browser"), `#!/bin/sh\nprintf %s "$1" > "${home}/address.new" && mv "${home}/address.new" "${home}/address"\n`);
  await chmod(path.join(home, "browser"), 0o755);
});
after(async () => {
  await browser.close();
  await rm(home, { recursive: true, force: true });
});

function run(...words) {
  return spawned(vestibule, words);
}

/** At a terminal, where progress is shown: util-linux's `script` has one. Both outputs are one there. */
function runAtTerminal(...words) {
  const { said, ...started } = spawned("script", ["-qfec", [vestibule, ...words].map((word) => `'${word}'`).join(" "), "/dev/null"]);
  return { ...started, said: { get stderr() { return said.stdout; }, get stdout() { return said.stdout; } } };
}

function spawned(program, words) {
  const env = { PATH: process.env.PATH, HOME: home, BROWSER: path.join(home, "browser"), VESTIBULE_SERVER: service };
  const child = spawn(program, words, { env, stdio: ["pipe", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) child[stream].on("data", (data) => (said[stream] += data));
  const ended = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  return { child, said, ended };
}

/** The address that the browser was given, or that the terminal shows. */
async function addressOf({ said }) {
  for (let tries = 0; tries < 200; tries += 1) {
    const opened = await readFile(path.join(home, "address"), "utf8").catch(() => said.stderr.match(/http:\S+#\S+/)?.[0]);
    if (opened) {
      await rm(path.join(home, "address"), { force: true });
      return opened;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no address: ${said.stderr}`);
}

async function enter({ page }, name) {
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[name=password]").fill(name);
  await page.locator("input[name=password]").press("Enter");
}

test("vestibule login: the role by its name, one key, and the command has credentials", async () => {
  const login = runAtTerminal("login", "--cache", "file", "--role", ENGINEER);
  const hanna = await Visitor.of(browser, sites.sealed);
  await hanna.page.goto(await addressOf(login));
  await enter(hanna, "hanna");
  await hanna.heading("Give access to a program?");
  const number = await hanna.text("#give-number");
  assert.ok(login.said.stderr.includes(number), `${number}: ${login.said.stderr}`);
  assert.match(await hanna.text("#give-facts"), /Engineer-11[^]*Plant 7/);
  await hanna.page.waitForTimeout(ARMED_MS);
  await hanna.page.keyboard.press("Enter");
  assert.equal(await login.ended, 0, login.said.stderr);
  await hanna.page.waitForURL((url) => url.pathname === "/callback");
  await look(hanna, "command-done");
  const credentials = run("credentials", "--no-login", "--role", ENGINEER);
  assert.equal(await credentials.ended, 0, credentials.said.stderr);
  assert.match(JSON.parse(credentials.said.stdout).AccessKeyId, /^LOCAL/);

  const again = run("login", "--cache", "file");
  await hanna.page.goto(await addressOf(again));
  await hanna.heading("Choose a role");
  await hanna.page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await again.ended, 4, again.said.stderr);
  await hanna.close();
});

test("vestibule login --no-browser: the number typed, the text pasted", async () => {
  const login = run("login", "--cache", "file", "--no-browser", "--role", ENGINEER);
  const hanna = await Visitor.of(browser, sites.sealed);
  await hanna.page.goto(await addressOf(login));
  await enter(hanna, "hanna");
  await hanna.heading("Give access to a program?");
  const [number] = login.said.stderr.match(/\b\d{3} \d{3}\b/) ?? [];
  assert.ok(number, login.said.stderr);
  await hanna.page.waitForTimeout(ARMED_MS);
  await hanna.page.keyboard.type(number);
  await hanna.page.keyboard.press("Enter");
  await hanna.heading("Take this text to the program");
  login.child.stdin.write(`${await hanna.text("#handed-text")}\n`);
  assert.equal(await login.ended, 0, login.said.stderr);
  await hanna.close();
});
