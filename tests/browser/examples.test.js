// The programs of docs/PAGE.md that are no browser, by "jose" and "joserfc": each is run as it
// stands there, against the real service, with a person in a browser.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { FakeSealed } from "./sealed.js";
import { Visitor, enter, launch, look, root, sites } from "./support.js";

let browser;
let scratch;
before(async () => {
  browser = await launch();
  scratch = await mkdtemp(path.join(os.tmpdir(), "vestibule-examples-"));
  await symlink(path.join(root, "tests/browser/node_modules"), path.join(scratch, "node_modules"));
});
after(async () => {
  await browser.close();
  await rm(scratch, { recursive: true, force: true });
});

const python = process.env.TEST_PYTHON ?? "python3";
/** A click sooner is none. */
const ARMED_MS = 600;

/** The block of docs/PAGE.md that says it is run by this file. */
async function example(language) {
  const text = await readFile(path.join(root, "docs/PAGE.md"), "utf8");
  const marked = `\`\`\`${language} by:tests/browser/examples.test.js\n`;
  const [, behind, ...more] = text.split(marked);
  assert.ok(behind !== undefined && more.length === 0, `one block in ${language}`);
  return behind.split("```")[0];
}

async function run(language, file, program) {
  const name = path.join(scratch, file);
  await writeFile(name, await example(language));
  const process = spawn(program, [name, sites.sealed.url]);
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) process[stream].on("data", (data) => (said[stream] += data));
  const ended = new Promise((resolve) => process.on("exit", (code) => resolve(code)));
  for (let tries = 0; !said.stderr.includes("#shell=") && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  const [, number, address] = said.stderr.match(/number (\d{3} \d{3}) at\s+(\S+)\s*$/) ?? [];
  assert.ok(address, `no address: ${said.stderr}`);
  return { number, address, said, ended };
}

for (const [language, file, program] of [["js", "login.mjs", process.execPath], ["python", "login.py", python]]) {
  test(`the example in ${language} gets a role's credentials, and hears a no`, async () => {
    const waiting = await run(language, file, program);
    const olaf = await Visitor.of(browser, sites.sealed);
    await olaf.page.goto(waiting.address);
    await enter(olaf, "olaf");
    await olaf.heading("Give access to a program?");
    assert.equal(await olaf.text("#give-number"), waiting.number);
    assert.match(await olaf.text("#give-facts"), /olaf@example\.test[^]*Engineer-02[^]*this computer, port \d+[^]*127\.0\.0\.1/);
    await look(olaf, `shell-real-${language}`);
    await olaf.page.waitForTimeout(ARMED_MS);
    await olaf.page.keyboard.press("Enter");
    await olaf.page.getByText("Go back to the terminal.").waitFor();
    assert.equal(await waiting.ended, 0, waiting.said.stderr);
    const credentials = JSON.parse(waiting.said.stdout);
    assert.deepEqual([credentials.Version, credentials.user], [1, "olaf@example.test"]);
    assert.match(credentials.role, /Engineer-02$/);
    assert.ok(credentials.SecretAccessKey && credentials.Expiration);

    const refused = await run(language, file, program);
    await olaf.page.goto(refused.address);
    await olaf.heading("Give access to a program?");
    await olaf.page.getByRole("button", { name: "Cancel" }).click();
    assert.notEqual(await refused.ended, 0);
    assert.match(refused.said.stderr, /access_denied/);
    assert.equal(refused.said.stdout, "");
    await olaf.close();
  });
}

test("what joserfc seals, the module opens", async () => {
  const text = `
import sys
from joserfc import jwe
from joserfc.jwk import OKPKey
x, apv, cty, plaintext = sys.argv[1:]
header = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": cty, "apu": "anRp", "apv": apv}
key = OKPKey.import_key({"kty": "OKP", "crv": "X25519", "x": x})
print(jwe.encrypt_compact(header, plaintext, key, algorithms=["ECDH-ES", "A256GCM"]))
`;
  const seal = async (plaintext, session, x, cty) =>
    (await promisify(execFile)(python, ["-c", text, x, Buffer.from(session).toString("base64url"), cty, plaintext])).stdout.trim();
  const paula = await Visitor.of(browser, sites.demo);
  const fake = new FakeSealed(paula.home, {
    ticketFor: (session, x) => seal("the.opened.ticket", session, x, "JWT"),
    answerFor: (session, x) => seal(JSON.stringify(fake.credentials), session, x, "json"),
  });
  await fake.play(paula.context);
  await paula.page.goto(paula.home);
  await paula.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await paula.heading("You are signed in");
  assert.equal(fake.asked[0].authorization, "Bearer the.opened.ticket");
  assert.equal(await paula.text("#user"), "paula@example.com");
  await paula.close();
});
