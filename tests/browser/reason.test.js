// A rule asks for a reason: the question, the answer, and what becomes of the wait.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Visitor, launch, root, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const shots = path.join(root, "target/screenshots");
const QUESTION = "Which incident or ticket is this for?";

/** Somebody who is asked. */
async function asked(options) {
  const person = await Visitor.of(browser, sites.asking, options);
  await person.page.goto(person.home);
  await person.page.locator("#providers button").click();
  await person.choose("paula");
  await person.page.getByLabel(QUESTION).waitFor();
  return person;
}

/** The takes that were tried. */
const takes = (person) => person.requests.filter((r) => r.method() === "GET" && new URL(r.url()).pathname === "/saml");

test("a reason is asked for, typed and delivered, by keyboard alone", async () => {
  const paula = await asked();
  await paula.heading("A reason is needed");
  const field = paula.page.getByRole("textbox", { name: QUESTION });
  assert.ok(await field.evaluate((field) => field === document.activeElement), "it has the focus");
  assert.equal(await field.getAttribute("aria-invalid"), "false");
  await paula.inspect("reason");
  await mkdir(shots, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await paula.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await paula.page.setViewportSize({ width: 1600, height: 900 });
    await paula.page.screenshot({ path: path.join(shots, `reason-${colorScheme}-1600.png`), fullPage: true });
  }
  await paula.page.emulateMedia({ colorScheme: null, reducedMotion: null });

  // Nothing written: it is said, the ticket waits, and the field is where the person is.
  await paula.page.keyboard.press("Enter");
  await paula.page.getByRole("alert").filter({ hasText: "A reason is one line of 1 to 500 characters" }).waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.ok(await field.evaluate((field) => field === document.activeElement), "it has the focus again");
  await paula.inspect("reason-fault");

  await paula.page.keyboard.type(`INC-4711: café, <b>&"+%" 🔑`);
  await paula.page.keyboard.press("Enter");
  await paula.heading("You are signed in");
  assert.equal(await paula.text("#rule"), "asks");
  assert.equal(await paula.page.locator("#reason").inputValue(), "", "nothing of it stays in the page");
  assert.equal(takes(paula).length, 3);
  for (const request of takes(paula)) assert.equal(new URL(request.url()).search, "");
  await paula.leavesNothingBehind({ statuses: [428, 400] });
});

test("a reason that meets no service is still there when it is tried again", async () => {
  const paula = await asked();
  await paula.page.route("**/saml", (route) => route.abort("connectionrefused"));
  await paula.page.getByLabel(QUESTION).fill("INC-4712");
  await paula.page.getByRole("button", { name: "Continue" }).click();
  await paula.heading("No connection");
  await paula.page.unroute("**/saml");
  await paula.page.getByRole("button", { name: "Try again" }).click();
  await paula.heading("A reason is needed");
  assert.equal(await paula.page.getByLabel(QUESTION).inputValue(), "INC-4712");
  await paula.page.getByRole("button", { name: "Continue" }).click();
  await paula.heading("You are signed in");
  await paula.leavesNothingBehind({ statuses: [428], failures: 1 });
});

test("a reason that is not given: whoever reloads signs in again", async () => {
  const paula = await asked();
  await paula.page.getByLabel(QUESTION).fill("half a sent");
  await paula.page.reload();
  await paula.heading("Sign in to AWS");
  assert.equal(await paula.page.locator("#reason").inputValue(), "");
  await paula.page.locator("#providers button").click();
  await paula.choose("paula");
  await paula.page.getByLabel(QUESTION).waitFor();
  await paula.leavesNothingBehind({ statuses: [428] });
});

for (const [locale, heading, button] of [
  ["de-AT", "Es braucht eine Begründung", "Weiter"],
  ["fr-CH", "Un motif est nécessaire", "Continuer"],
]) {
  test(`a reason is asked for in the browser's language: ${locale}`, async () => {
    const paula = await asked({ locale });
    await paula.heading(heading);
    await paula.page.getByRole("button", { name: button }).click();
    await paula.page.locator("#reason-fault:not(:empty)").waitFor();
    assert.doesNotMatch(await paula.text("#reason-fault"), /A reason is/);
    await paula.inspect(`reason-${locale.slice(0, 2)}`);
    await paula.leavesNothingBehind({ statuses: [428, 400] });
  });
}

test("a reason is asked for in a page of one's own: the module has the question and keeps the ticket", async () => {
  const paula = await Visitor.of(browser, sites.asking);
  // Half a character, as a paste can leave it: replaced, not an error of the page's.
  const sent = [];
  await paula.page.route("**/saml", async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    sent.push(route.request().headers()["vestibule-reason"]);
    return route.fulfill({ status: 428, json: { error: "reason_required", message: "m", reference: "r", ask: "Why?" } });
  });
  await paula.page.goto(paula.home);
  await paula.page.evaluate(() => sessionStorage.setItem("vestibule.login", "v".repeat(43)));
  const errors = await paula.page.evaluate(async () => {
    history.replaceState(null, "", "#jwt=a.b.c");
    const { complete } = await import("/vestibule.js?again");
    const caught = [];
    for (const options of [undefined, { reason: "a\ud83d b" }]) {
      await complete(options).catch(({ code, ask, retry }) => caught.push({ code, ask, retry }));
    }
    return caught;
  });
  const expected = { code: "reason_required", ask: "Why?", retry: false };
  assert.deepEqual(errors, [expected, expected], "the ticket is kept for the answer");
  assert.deepEqual(sent, [undefined, "a%EF%BF%BD%20b"]);
  await paula.leavesNothingBehind({ statuses: [428] });
});
