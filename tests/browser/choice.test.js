// Choosing among 300 roles of twelve accounts, whose sign-in comes from SimpleSAMLphp: the real
// service, the real page. chooser.test.js has each state of the page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, launch, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Signs in, by keyboard alone. Everybody's password is the name. */
async function signIn(visitor, name) {
  const { page } = visitor;
  await page.goto(visitor.home);
  await page.getByRole("button", { name: "Sign in" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("input[name=username]").waitFor();
  await page.locator("input[name=username]").focus();
  await page.keyboard.type(name);
  await page.locator("input[name=password]").focus();
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
}

const status = (visitor, pathname) =>
  visitor.requests.filter((request) => new URL(request.url()).pathname === pathname).map((request) => request.method());

test("a person of 300 roles chooses by keyboard alone, and another time finds the role first", async () => {
  const hanna = await Visitor.of(browser, sites.roles);
  await signIn(hanna, "hanna");
  await hanna.heading("Choose a role");
  const { page } = hanna;
  assert.ok(!page.url().includes("choice"), "the ticket is out of the address");
  await page.keyboard.type("plant 7 engineer-11");
  await page.keyboard.press("Enter");
  await hanna.heading("You are signed in");
  const text = await page.locator("main").innerText();
  assert.match(text, /Engineer-11/);
  assert.match(text, /Plant 7 111122223307/);
  assert.match(text, /export AWS_ACCESS_KEY_ID='LOCAL/);
  assert.deepEqual(await hanna.audit(), []);

  // The choice goes on: a role that needs another sign-in says so, and two more are taken.
  await page.getByRole("button", { name: "Choose others" }).click();
  await page.keyboard.type("111122223301 payments");
  await page.getByRole("link", { name: /Sign in/ }).first().waitFor();
  await page.locator("#search").fill("111122223302 engineer-0");
  await page.locator("#search").press("ArrowDown");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await page.locator(".card").nth(2).waitFor();
  assert.deepEqual(status(hanna, "/saml/choice"), ["GET", "POST", "POST"]);
  assert.equal(status(hanna, "/saml").filter((method) => method === "GET").length, 3);
  for (const request of hanna.requests) assert.ok(!new URL(request.url()).search.includes("eyJ"), "no ticket in a query");
  await hanna.close();

  const again = await Visitor.of(browser, sites.roles);
  await signIn(again, "hanna");
  await again.heading("Choose a role");
  const first = await again.page.locator("#roles [role=row]:visible").allInnerTexts();
  const used = first.filter((row) => /Engineer/.test(row)).slice(0, 3).join(" ");
  assert.match(used, /Engineer-11[^]*Plant 7|Plant 7[^]*Engineer-11/, first.slice(0, 5).join("\n"));
  await again.close();
});

test("a person of one role has it at once: two clicks, and no choice", async () => {
  const olaf = await Visitor.of(browser, sites.roles);
  await signIn(olaf, "olaf");
  await olaf.heading("You are signed in");
  assert.match(await olaf.text("#role"), /Engineer-02/);
  assert.deepEqual(status(olaf, "/saml/choice"), []);
  await olaf.leavesNothingBehind();
});

test("a choice at a phone's width: one tap takes a role", async () => {
  const hanna = await Visitor.of(browser, sites.roles, { viewport: { width: 390, height: 844 } });
  await signIn(hanna, "hanna");
  await hanna.heading("Choose a role");
  await hanna.page.locator("#search").fill("plant 12 engineer-25");
  await hanna.page.getByRole("row", { name: "Engineer-25 in Plant 12" }).click();
  await hanna.heading("You are signed in");
  assert.match(await hanna.page.locator("main").innerText(), /Plant 12 111122223312/);
  await hanna.close();
});
