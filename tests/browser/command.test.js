// `vestibule login` and its page together: the real command, the real service, SimpleSAMLphp, a
// real browser. tests/shell/ has the command's other cases, shell.test.js the page's.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Shell } from "./command.js";
import { Visitor, enter, launch, look, sites } from "./support.js";

const ENGINEER = "arn:aws:iam::111122223307:role/team/Engineer-11";
const OTHER = "arn:aws:iam::111122223308:role/team/Engineer-12";
const roleOf = (name) => `arn:aws:iam::111122223301:role/${name}`;
/** A click sooner is none. */
const ARMED_MS = 600;
/** So old may be the sign-in of whoever takes the role Vault. */
const VAULT_MS = 10_000;

let browser;
let shell;
/** Has signed in before the others, so that it is long ago when she asks for the role Vault. */
let ines;
let entered = 0;
before(async () => {
  [browser, shell] = await Promise.all([launch(), Shell.of(sites.sealed)]);
  ines = await Visitor.of(browser, sites.sealed);
  await ines.page.goto(ines.home);
  await ines.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await enter(ines, "ines");
  entered = Date.now();
  await ines.heading("Choose a role");
});
after(async () => {
  await browser.close();
  await shell.close();
});

/** By one key. */
async function confirm(person) {
  await person.heading("Give access to a program?");
  await person.page.waitForTimeout(ARMED_MS);
  await person.page.keyboard.press("Enter");
}

test("vestibule login: the role by its name, one key, and the command has credentials", async () => {
  const login = shell.runAtTerminal("login", "--cache", "file", "--role", ENGINEER);
  const hanna = await Visitor.of(browser, sites.sealed);
  await hanna.page.goto(await login.address());
  await enter(hanna, "hanna");
  await hanna.heading("Give access to a program?");
  const number = await hanna.text("#give-number");
  assert.ok(login.said.stderr.includes(number), `${number}: ${login.said.stderr}`);
  assert.match(await hanna.text("#give-facts"), /Engineer-11[^]*Plant 7/);
  await confirm(hanna);
  assert.equal(await login.ended, 0, login.said.stderr);
  await hanna.page.waitForURL((url) => url.pathname === "/callback");
  await look(hanna, "command-done");
  const credentials = shell.run("credentials", "--no-login", "--role", ENGINEER);
  assert.equal(await credentials.ended, 0, credentials.said.stderr);
  assert.match(JSON.parse(credentials.said.stdout).AccessKeyId, /^LOCAL/);

  const both = shell.run("login", "--cache", "file", "--json", "--role", ENGINEER, "--role", OTHER);
  await hanna.page.goto(await both.address());
  await hanna.heading("Give access to a program?");
  assert.match(await hanna.text("#give-roles"), /^Engineer-11 Plant 7 111122223307\s+Engineer-12 Plant 8 111122223308$/);
  await confirm(hanna);
  assert.equal(await both.ended, 0, both.said.stderr);
  assert.deepEqual(JSON.parse(both.said.stdout).map(({ role }) => role).sort(), [ENGINEER, OTHER]);

  const again = shell.run("login", "--cache", "file");
  await hanna.page.goto(await again.address());
  await hanna.heading("Choose a role");
  await hanna.page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await again.ended, 4, again.said.stderr);
  await hanna.page.getByRole("heading", { name: "Cancelled" }).waitFor();

  // It has ended when the person says yes: the browser shows a page of its own.
  const ends = shell.run("login", "--cache", "file", "--role", ENGINEER);
  await hanna.page.goto(await ends.address());
  await hanna.heading("Give access to a program?");
  assert.match(await hanna.text("#give-waiting"), /127\.0\.0\.1\. That works only while the program still waits there\./);
  ends.child.kill("SIGINT");
  await ends.ended;
  await confirm(hanna);
  await hanna.page.waitForFunction(() => location.protocol === "chrome-error:");
  await hanna.page.goBack();
  await hanna.heading("Back to the program");
  assert.match(await hanna.text("#ended-sentence"), /If nothing answers there, the program waits no longer and has got nothing: start it again\.$/);
  await hanna.close();
});

test("vestibule login --no-browser: the number typed, the text pasted", async () => {
  const login = shell.run("login", "--cache", "file", "--no-browser", "--role", ENGINEER);
  const hanna = await Visitor.of(browser, sites.sealed);
  await hanna.page.goto(await login.address());
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

test("vestibule login: roles of which a rule wants a stronger sign-in, a reason, or a newer sign-in", async () => {
  const login = (...words) => shell.run("login", "--cache", "file", "--json", ...words);
  const got = async (command) => {
    assert.equal(await command.ended, 0, command.said.stderr);
    return JSON.parse(command.said.stdout).map(({ role }) => role);
  };

  const earlier = ines.requests.length;
  const stronger = login();
  await ines.page.goto(await stronger.address());
  await ines.heading("Choose a role");
  await ines.page.getByRole("link", { name: "Sign in again with stronger authentication" }).click();
  await ines.page.getByRole("gridcell", { name: /^Payments / }).click();
  await confirm(ines);
  assert.deepEqual(await got(stronger), [roleOf("Payments")]);
  const started = ines.requests.slice(earlier).map((request) => new URL(request.url())).filter(({ pathname, search }) => pathname === "/saml/login" && search !== "");
  const asked = started.map(({ searchParams }) => [searchParams.get("use"), searchParams.get("authn_context")]);
  assert.deepEqual(asked, [["shell", null], ["shell", "https://refeds.org/profile/mfa"]]);

  const incident = login("--role", roleOf("Incidents"));
  await ines.page.goto(await incident.address());
  await confirm(ines);
  await ines.page.getByRole("textbox", { name: "Which incident is this for?" }).fill("INC-4713");
  await ines.page.keyboard.press("Enter");
  assert.deepEqual(await got(incident), [roleOf("Incidents")]);

  await ines.page.waitForTimeout(Math.max(0, entered + VAULT_MS + 1_000 - Date.now()));
  const newer = login("--role", roleOf("Vault"));
  await ines.page.goto(await newer.address());
  await ines.heading("Choose a role");
  assert.equal(await ines.text("#missing"), `Asked for, but not open to you now: ${roleOf("Vault")}`);
  assert.match(await ines.text("[role=row].current"), /Vault/);
  assert.deepEqual(await ines.audit(), []);
  await ines.page.keyboard.press("Enter");
  await ines.page.keyboard.press("Enter");
  await enter(ines, "ines");
  await confirm(ines);
  assert.deepEqual(await got(newer), [roleOf("Vault")]);
  await ines.close();
});

test("the demo, at a shell: login and its URL, and the command has credentials", async () => {
  const own = await Shell.of({ vestibule: sites.sealed.vestibule, url: sites.demo.url });
  const login = own.run("login", sites.demo.url, "--cache", "file");
  const paula = await Visitor.of(browser, sites.demo);
  await paula.page.goto(await login.address());
  await paula.choose("paula");
  await confirm(paula);
  assert.equal(await login.ended, 0, login.said.stderr);
  assert.match(login.said.stdout, /^signed in as paula@halvorsen\.example: arn:aws:iam::\d{12}:role\/ADFS-Production until /);
  const credentials = own.run("credentials", "--no-login");
  assert.equal(await credentials.ended, 0, credentials.said.stderr);
  assert.match(JSON.parse(credentials.said.stdout).AccessKeyId, /^LOCAL/);
  await own.close();
});
