// A program on a computer waits for roles: what its address brings, what the person is asked, and
// what the program gets. The service is played by routes.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { FakeChoice, refusal } from "./roles.js";
import { Visitor, launch, look, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const REQUEST = "cmVxdWVzdA".repeat(12);
const STATE = "s".repeat(22);
const SANDBOX = "arn:aws:iam::333344445555:role/team/platform/Admin";
const READER = "arn:aws:iam::444455556666:role/Reader";
/** A click sooner is none. */
const ARMED_MS = 600;

/** A program that listens, and what it heard. */
async function program() {
  const heard = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname === "/callback") heard.push([url.searchParams.get("state"), url.searchParams.getAll("ticket"), url.searchParams.get("error")]);
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Program</title><h1>Go back to the terminal</h1>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { heard, port, redirect_uri: `http://127.0.0.1:${port}/callback`, close: () => server.close() };
}

/** Somebody who opens the address that a program shows. */
async function open(address, { shell = {}, listener = null, prepare = (_) => {}, ...options } = {}) {
  const anna = await Visitor.of(browser, sites.demo, options);
  const here = { device: "this_computer", port: listener?.port ?? 49152, number: "482 177", address: "203.0.113.7", at: new Date(Date.now() - 20_000).toISOString(), redirect_uri: listener?.redirect_uri ?? "http://127.0.0.1:9/callback", state: STATE };
  const fake = new FakeChoice(anna.home, { console: false, shell: { request: REQUEST, ...here, ...shell } });
  prepare(fake);
  await fake.play(anna.context);
  await anna.page.goto(anna.home + address);
  return { anna, fake, keys: anna.page.keyboard };
}

const elsewhere = { device: "another", port: null, number: null, redirect_uri: null, typed: "482177" };
const focused = ({ page }) => page.evaluate(() => document.activeElement?.id);
const kept = ({ page }) => page.evaluate(() => sessionStorage.getItem("vestibule.errand"));
const give = ({ page }) => page.getByRole("button", { name: "Give to the program" });
const given = (fake) => fake.asked.map((parts) => parts.map(({ role, use, reason }) => [role.split("/").at(-1), use, reason]));

test("a shell: the role that it names is confirmed by one key, and it gets a ticket", async () => {
  const listener = await program();
  const { anna, fake, keys } = await open(`#shell=${REQUEST}&role=${encodeURIComponent(SANDBOX)}`, { listener });
  await anna.heading("Give access to a program?");
  assert.equal(anna.page.url(), anna.home, "the address is clean");
  assert.deepEqual(fake.begun.map((begun) => [begun.get("idp"), begun.get("use")]), [["SSP", "shell"]], "it went to the one provider at once");
  const facts = (await anna.text("#give-facts")).replace(/\s+/g, " ");
  assert.match(facts, /You are anna@example\.com, signed in with ADFS Role Admin Sandbox 333344445555 For a program on this computer, port \d+ Asked from 203\.0\.113\.7 Asked at \d+:\d\d:\d\d [AP]M Number 482 177 /);
  assert.equal(await focused(anna), "give-now");
  assert.equal(await anna.page.locator("#give-now").getAttribute("aria-describedby"), "give-facts give-waiting");
  assert.deepEqual(fake.asked, [], "nothing is given before");
  await look(anna, "shell-confirm");
  await anna.page.waitForTimeout(ARMED_MS);
  await keys.press("Enter");
  await anna.heading("Go back to the terminal");
  assert.deepEqual(given(fake), [[["Admin", "shell", undefined]]]);
  assert.deepEqual(fake.given, [{ request: REQUEST }]);
  const [[state, tickets, error], ...more] = listener.heard;
  assert.deepEqual([state, tickets.length, error, more], [STATE, 1, null, []]);
  assert.match(tickets[0], /^shell\./);
  // Whoever comes back learns what became of it, once, and nothing is given again.
  await anna.page.goBack();
  await anna.heading("Back to the program");
  assert.ok(await anna.page.getByRole("button", { name: "Sign in again" }).isHidden(), "the program begins it");
  assert.equal(fake.asked.length, 1);
  await anna.page.reload();
  await anna.heading("Sign in to AWS");
  assert.equal(await kept(anna), null);
  assert.ok(await anna.page.locator("#waiting").isHidden(), "nobody waits any more");
  listener.close();
  await anna.close();
});

test("a shell: several are chosen by keyboard, and one that a rule asks about", async () => {
  const listener = await program();
  const { anna, fake, keys } = await open(`#shell=${REQUEST}`, { listener });
  await anna.heading("Choose a role");
  assert.match(await anna.text("#for-shell"), /^It is for: a program on this computer, port \d+\. |^It is for a program on this computer, port \d+\. You confirm it afterwards\.$/);
  assert.ok(await anna.page.locator("#destination-part").isHidden(), "a program gets no console");
  await look(anna, "shell-choose");
  for (const words of ["sandbox power-user", "incident-response 111122223333"]) {
    await anna.page.locator("#search").fill(words);
    await keys.press("ArrowDown");
    await keys.press("Home");
    await keys.press("Space");
  }
  await keys.press("Enter");
  await anna.heading("Give access to a program?");
  assert.equal(await anna.page.locator("#give-roles li").count(), 2);
  await look(anna, "shell-confirm-several");
  await anna.page.getByRole("button", { name: "Choose other roles" }).click();
  await anna.heading("Choose a role");
  await anna.page.locator("#search").fill("incident-response 111122223333");
  await keys.press("Enter");
  await anna.heading("Give access to a program?");
  await anna.page.waitForTimeout(ARMED_MS);
  await keys.press("Enter");
  await anna.page.getByRole("textbox", { name: "Which incident is this for?" }).fill("INC-1");
  await keys.press("Enter");
  await anna.heading("Go back to the terminal");
  assert.deepEqual(given(fake), [[["Incident-Response", "shell", "INC-1"]]]);
  assert.equal(listener.heard.length, 1);
  listener.close();
  await anna.close();
});

test("a shell: who has one role is asked too, and says no", async () => {
  const listener = await program();
  const prepare = (fake) => (fake.listing.roles = fake.listing.roles.slice(0, 1));
  const { anna, fake } = await open(`#shell=${REQUEST}&idp=SSP`, { listener, prepare });
  await anna.heading("Give access to a program?");
  assert.ok(await anna.page.getByRole("button", { name: "Choose other roles" }).isHidden());
  await anna.page.getByRole("button", { name: "Cancel" }).click();
  await anna.heading("Go back to the terminal");
  assert.deepEqual(listener.heard, [[STATE, [], "access_denied"]]);
  assert.deepEqual(fake.asked, []);
  await anna.page.goBack();
  await anna.heading("Nothing was given");

  const other = await open(`#shell=${REQUEST}`, { listener });
  await other.anna.heading("Choose a role");
  await other.anna.page.getByRole("button", { name: "Cancel" }).click();
  await other.anna.heading("Go back to the terminal");
  assert.equal(listener.heard.length, 2);
  listener.close();
  await anna.close();
  await other.anna.close();
});

test("a shell on another device: a warning, the number, and a text to take there", async () => {
  const { anna, fake, keys } = await open(`#shell=${REQUEST}&role=${READER}&role=${encodeURIComponent(SANDBOX)}`, { shell: elsewhere, permissions: ["clipboard-write", "clipboard-read"] });
  await anna.heading("Give access to a program?");
  assert.match(await anna.text("#give-warning"), /Another device asks for your access\.[^]*Did somebody send you this link\? Then they would get your access: cancel\./);
  assert.match(await anna.text("#give-facts"), /a program on another device/);
  assert.equal(await anna.page.locator("#give-roles li").count(), 1, "one role only");
  assert.equal(await anna.text("#give-note"), "Another device can have one role only.");
  assert.equal(await focused(anna), "number");
  await look(anna, "shell-another");
  await anna.page.waitForTimeout(ARMED_MS);
  await keys.press("Enter");
  await anna.page.getByRole("alert").filter({ hasText: "Type the six digits that the program shows." }).waitFor();
  await keys.type("111 111");
  await keys.press("Enter");
  await anna.page.getByRole("alert").filter({ hasText: "The program shows another number." }).waitFor();
  assert.equal(await focused(anna), "number");
  assert.equal(await anna.page.locator("#number").getAttribute("aria-invalid"), "true");
  assert.deepEqual(fake.asked, []);
  await look(anna, "shell-another-wrong");
  await anna.page.locator("#number").fill("482 177");
  await anna.page.waitForTimeout(ARMED_MS);
  await keys.press("Enter");
  await anna.heading("Take this text to the program");
  assert.deepEqual(fake.given, [{ request: REQUEST, number: "111111" }, { request: REQUEST, number: "482177" }]);
  const text = await anna.text("#handed-text");
  assert.match(text, /^shell\.[\w-]+\.s$/);
  await look(anna, "shell-text");
  await anna.page.getByRole("button", { name: "Copy", exact: true }).click();
  await anna.page.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await anna.page.evaluate(() => navigator.clipboard.readText()), text);
  assert.equal(await kept(anna), null);
  await anna.leavesNothingBehind({ statuses: [403] });
});

test("a shell on another device can have one role, and its text ends", async () => {
  const at = new Date(Date.now() - 6 * 60_000).toISOString();
  const { anna, keys } = await open(`#shell=${REQUEST}`, { shell: { ...elsewhere, at } });
  await anna.heading("Choose a role");
  // Each second the page looks what is to be said.
  await anna.page.waitForTimeout(1_500);
  assert.equal(await anna.page.locator("#give-waiting").textContent(), "", "it waits for ten");
  await keys.press("ArrowDown");
  await keys.press("Space");
  await keys.press("ArrowDown");
  await keys.press("Space");
  assert.equal(await anna.text("#marked-count"), "Another device can have one role only.");
  assert.equal(await anna.text("#keys"), "↑ ↓ move, Enter takes.");
  await anna.page.clock.install();
  await keys.press("Enter");
  await anna.heading("Give access to a program?");
  await anna.page.clock.runFor(ARMED_MS);
  await anna.page.locator("#number").fill("482177");
  await keys.press("Enter");
  await anna.heading("Take this text to the program");
  await anna.page.clock.runFor(5 * 60_000 + 1_000);
  await anna.heading("That took too long");
  assert.match(await anna.text(".steps .failed"), /^Credentials/);
  assert.equal(await anna.page.locator("#handed-text").textContent(), "");
  await anna.close();
});

test("a shell: what fails is said, and the others are given", async () => {
  const listener = await program();
  const prepare = (fake) => (fake.refusals = { Reader: refusal("role_refused", "This role is for the office. Ask for help.") });
  const { anna, fake } = await open(`#shell=${REQUEST}&role=${READER}&role=${encodeURIComponent(SANDBOX)}`, { listener, prepare });
  await anna.heading("Give access to a program?");
  await anna.page.waitForTimeout(ARMED_MS);
  await give(anna).click();
  await anna.page.locator(".card.failed").waitFor();
  assert.match(await anna.text(".card.failed"), /Reader in Machine Learning[^]*This role is for the office/);
  assert.deepEqual(listener.heard, []);
  await anna.heading("Some of it did not work");
  assert.equal(await anna.text("#person"), "The program has got nothing yet.");
  await look(anna, "shell-failed");
  await anna.page.getByRole("button", { name: "Give the others to the program" }).click();
  await anna.heading("Go back to the terminal");
  assert.deepEqual(given(fake).map((parts) => parts.map(([name]) => name)), [["Reader", "Admin"], ["Admin"]]);
  assert.equal(listener.heard[0][1].length, 1);
  listener.close();

  const none = await open(`#shell=${REQUEST}&role=${READER}`, { prepare });
  await none.anna.heading("Give access to a program?");
  await none.anna.page.waitForTimeout(ARMED_MS);
  await give(none.anna).click();
  await none.anna.heading("That did not work");
  assert.ok(await none.anna.page.getByRole("button", { name: "Give the others to the program" }).isHidden(), "there are no others");
  await none.anna.close();
  await anna.close();
});

test("a shell: a role that is not open to the person is named, and so are the others", async () => {
  const closed = "arn:aws:iam::666677778888:role/Nothing";
  const { anna } = await open(`#shell=${REQUEST}&role=${READER}&role=${closed}`);
  await anna.heading("Give access to a program?");
  assert.equal(await anna.text("#give-note"), `Asked for, but not open to you now: ${closed}`);
  await anna.close();
  const none = await open(`#shell=${REQUEST}&role=${closed}`);
  await none.anna.heading("Choose a role");
  assert.equal(await none.anna.text("#missing"), `Asked for, but not open to you now: ${closed}`);
  await none.anna.close();
});

test("a shell: of several providers the person takes one, or signs in for the page itself", async () => {
  const prepare = (fake) => {
    const idp = { idp_initiated: true, sp_initiated: true, sign_on_url: null, relying_party_id: null };
    fake.config = { identity_providers: ["SSP", "Harbour"].map((name) => ({ ...idp, name, label: name })) };
  };
  const { anna, fake } = await open(`#shell=${REQUEST}`, { prepare });
  await anna.heading("Sign in to AWS");
  assert.match(await anna.text("#waiting"), /^A program on a computer waits for this sign-in\./);
  await look(anna, "shell-sign-in");
  // Also after a reload: the address had it once only.
  await anna.page.reload();
  await anna.page.locator("#waiting").waitFor();
  await anna.page.getByRole("button", { name: "Sign in with Harbour" }).click();
  await anna.heading("Choose a role");
  assert.deepEqual(fake.begun.map((begun) => [begun.get("idp"), begun.get("use")]), [["Harbour", "shell"]]);
  await anna.close();

  const named = await open(`#shell=${REQUEST}&idp=Harbour`, { prepare });
  await named.anna.heading("Choose a role");
  assert.equal(named.fake.begun[0].get("idp"), "Harbour");
  await named.anna.close();

  const other = await open(`#shell=${REQUEST}`, { prepare });
  await other.anna.page.getByRole("button", { name: "Sign in for this page instead" }).click();
  assert.ok(await other.anna.page.locator("#waiting").isHidden());
  assert.equal(await kept(other.anna), null);
  await other.anna.close();
});

test("a shell: going back to the page does not leave it again by itself", async () => {
  const { anna, fake } = await open(`#shell=${REQUEST}`);
  await anna.heading("Choose a role");
  await anna.page.reload();
  await anna.heading("Sign in to AWS");
  assert.equal(fake.begun.length, 1);
  await anna.close();
});

test("a shell: addresses and requests that are no good end with what to do", async () => {
  const fails = (code, message, status = 403) => ({ failure: { ...refusal(code, message), status } });
  for (const [address, shell, config, code, title] of [
    ["#shell=", {}, {}, "shell_request_malformed", "This address is not complete"],
    ["#shell=%3Cb%3E", {}, {}, "shell_request_malformed", "This address is not complete"],
    [`#shell=${REQUEST}&role=Admin`, {}, {}, "shell_request_malformed", "This address is not complete"],
    [`#shell=${REQUEST.slice(1)}`, {}, {}, "shell_request_malformed", "This address is not complete"],
    [`#shell=${REQUEST}`, {}, { shell: false }, "shell_off", "Programs get nothing here"],
    [`#shell=${REQUEST}`, fails("shell_request_expired", "The program has waited too long."), {}, "shell_request_expired", "That took too long"],
    [`#shell=${REQUEST}`, fails("other_device_off", "Programs on other devices get nothing here."), {}, "other_device_off", "Other devices get nothing here"],
    [`#shell=${REQUEST}&idp=Nobody`, {}, {}, null, "Sign in to AWS"],
  ]) {
    const { anna, fake } = await open(address, { shell, prepare: (fake) => (fake.config = config) });
    await anna.heading(title);
    if (code !== null) assert.equal(await anna.text("#code"), code);
    assert.equal(anna.page.url(), anna.home);
    assert.deepEqual(fake.asked, []);
    if (code !== null) assert.equal(await kept(anna), null, "nothing is left of it");
    if (address === "#shell=" || shell.failure) await look(anna, `shell-${code}`);
    await anna.close();
  }
});

test("a shell: who can have another role by another sign-in finds the way there", async () => {
  const prepare = (fake) => {
    const [open, ...others] = fake.listing.roles;
    fake.listing.roles = [open, others.find(({ refused }) => refused?.sign_in_at)];
  };
  const { anna } = await open(`#shell=${REQUEST}`, { prepare });
  await anna.heading("Give access to a program?");
  await anna.page.getByRole("button", { name: "Choose other roles" }).click();
  await anna.page.getByRole("link", { name: "Sign in again with stronger authentication" }).waitFor();
  await anna.close();
});

test("a shell: five minutes after the sign-in nothing is given", async () => {
  const at = new Date(Date.now() - 240_000).toISOString();
  const { anna, fake } = await open(`#shell=${REQUEST}&role=${READER}`, { shell: { at } });
  await anna.heading("Give access to a program?");
  assert.match(await anna.text("#give-waiting"), /^Your browser then goes to 127\.0\.0\.1\. That works only while the program still waits there\.$/);
  await anna.page.clock.install({ time: Date.now() + 70_000 });
  await anna.page.locator("#give-waiting.alert").getByText("The program asked more than five minutes ago. If it waits no longer, start it again.").waitFor();
  assert.match(await anna.page.locator("#status").innerText(), /^The program asked/, "and it is said");
  await anna.page.clock.setSystemTime(Date.now() + 301_000);
  await anna.heading("That took too long");
  assert.deepEqual(fake.asked, []);
  assert.notEqual(await kept(anna), null, "the program may still wait");
  await anna.close();
});

test("attack: a click or a key that was meant for something else gives nothing", async () => {
  const { anna, fake, keys } = await open(`#shell=${REQUEST}`);
  await anna.heading("Choose a role");
  await anna.page.locator("#search").fill("sandbox power-user");
  // The page's time stands still: on a computer that is busy, a test's click comes late.
  await anna.page.clock.install();
  await anna.page.clock.pauseAt(Date.now() + 60_000);
  // A double click, where the button comes to stand.
  await keys.down("Enter");
  await anna.heading("Give access to a program?");
  await give(anna).click();
  await anna.page.clock.runFor(ARMED_MS);
  for (let count = 0; count < 5; count += 1) await keys.down("Enter");
  await keys.up("Enter");
  await anna.heading("Give access to a program?");
  assert.deepEqual(fake.asked, []);
  // The window comes to the front under a hand that clicks.
  await anna.page.evaluate(() => dispatchEvent(new Event("focus")));
  await give(anna).click();
  assert.deepEqual(fake.asked, []);
  await anna.page.clock.runFor(ARMED_MS);
  await anna.page.clock.resume();
  const chosen = anna.page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/saml/choice"));
  await give(anna).click();
  await chosen;
  await anna.close();
});

test("attack: an answer that would send the tickets off this computer", async () => {
  for (const redirect_uri of ["http://127.0.0.1.evil.example/callback", "https://127.0.0.1:9/callback", "http://evil.example/127.0.0.1/"]) {
    const { anna } = await open(`#shell=${REQUEST}&role=${READER}`, { shell: { redirect_uri } });
    await anna.heading("Give access to a program?");
    await anna.page.waitForTimeout(ARMED_MS);
    await give(anna).click();
    await anna.page.getByText("page_error").waitFor();
    assert.ok(anna.requests.every((request) => request.url().startsWith(anna.home)));
    await anna.page.reload();
    await anna.page.getByRole("heading", { level: 1 }).waitFor();
    assert.notEqual(await anna.text("h1:visible"), "Back to the program", "nothing was given");
    await anna.close();
  }
});

test("the console by an address: its role is the one that Enter takes", async () => {
  const prepare = (fake) => {
    fake.shell = null;
    fake.config = { console: true, shell: true };
    for (const role of fake.listing.roles) if (role.credentials) role.console = role.credentials;
  };
  const anna = await Visitor.of(browser, sites.demo);
  const fake = new FakeChoice(anna.home);
  prepare(fake);
  await fake.play(anna.context);
  const begun = [];
  await anna.context.route("**/saml/login?**", (route) => {
    begun.push(new URL(route.request().url()).searchParams);
    return route.fulfill({ status: 302, headers: { location: `${anna.home}#choice=choice.ZmFrZS1jaG9pY2U.c2lnbmVkLWJ5LW5vYm9keQ` } });
  });
  await anna.page.goto(`${anna.home}#console&role=${encodeURIComponent(SANDBOX)}&idp=SSP`);
  await anna.heading("Choose a role");
  assert.deepEqual(begun.map((query) => [query.get("idp"), query.get("use")]), [["SSP", "console"]]);
  assert.equal(anna.page.url(), anna.home);
  await look(anna, "console-by-address");
  await anna.page.keyboard.press("Enter");
  await anna.page.getByRole("button", { name: "Open the AWS console" }).waitFor();
  assert.deepEqual(fake.asked.map((parts) => parts.map(({ role, use }) => [role, use])), [[[SANDBOX, "console"]]]);
  assert.equal(await kept(anna), null);
  await anna.leavesNothingBehind();
});
