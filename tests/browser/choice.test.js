// Choosing among 300 roles of twelve accounts, whose sign-in comes from SimpleSAMLphp: the real
// service, the real page. chooser.test.js has each state of the page.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import path from "node:path";
import { after, before, test } from "node:test";
import { Visitor, launch, root, serveFiles, sites } from "./support.js";

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

test("somebody who is signed in at the company: two clicks for one role, three for a chosen one", async () => {
  for (const [name, clicks] of [["olaf", ["Sign in with SSP", "Copy"]], ["hanna", ["Sign in with SSP", "Engineer-09", "Copy"]]]) {
    const person = await Visitor.of(browser, sites.roles, { permissions: ["clipboard-write", "clipboard-read"] });
    await signIn(person, name);
    await person.heading(name === "olaf" ? "You are signed in" : "Choose a role");
    const clicked = [];
    await person.context.exposeBinding("clicked", (_, text) => clicked.push(text));
    await person.context.addInitScript(() =>
      addEventListener(
        "click",
        // Not those of the identity provider's script.
        ({ isTrusted, target }) => isTrusted && Reflect.get(globalThis, "clicked")(target.closest("button, [role=gridcell]")?.innerText),
        true,
      ),
    );
    const { page } = person;
    await page.goto(person.home);
    await page.getByRole("button", { name: "Sign in with SSP" }).click();
    if (name === "hanna") await page.getByRole("row", { name: /Engineer-09 in Plant 1 / }).click();
    await person.heading("You are signed in");
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("AWS_SESSION_TOKEN"));
    assert.equal(clicked.length, clicks.length, JSON.stringify(clicked));
    clicks.forEach((text, number) => assert.ok(clicked[number].startsWith(text), clicked[number]));
    await person.close();
  }
});

test("attack: a hostile script on a team's page, while the person is signed in at the company", async () => {
  const server = await serveFiles(sites.team, path.join(root, "tests/browser/pages/elsewhere"));
  try {
    const hanna = await Visitor.of(browser, sites.team);
    const { page } = hanna;
    // It runs before everything else on its page, and keeps what the address has.
    await page.addInitScript((home) => {
      if (location.href.startsWith(home) && location.hash) sessionStorage.setItem("stolen", location.hash.split("=")[1]);
    }, hanna.home);
    await signIn({ page, home: sites.roles.url }, "hanna");
    await hanna.heading("Choose a role");

    /** Silently: a login with a verifier of the script's own. */
    const begin = (more) => {
      const verifier = randomBytes(32).toString("base64url");
      const challenge = createHash("sha256").update(verifier).digest("base64url");
      const relayState = encodeURIComponent(`${randomBytes(16).toString("base64url")}##${challenge}`);
      return { verifier, link: `${sites.roles.url}/saml/login?idp=SSP&RelayState=${relayState}${more}` };
    };
    /** From the team's page. `null` where the browser does not let it read the answer. */
    const ask = (bearer, verifier, body) =>
      page.evaluate(
        async ([url, bearer, verifier, body]) => {
          const headers = { Authorization: `Bearer ${bearer}`, "Vestibule-Verifier": verifier, ...(body ? { "Content-Type": "application/json" } : {}) };
          const answer = await fetch(url, { headers, ...(body ? { method: "POST", body } : {}) }).catch(() => null);
          return answer && { status: answer.status, json: await answer.json() };
        },
        [`${sites.roles.url}/saml/choice`, bearer, verifier, body && JSON.stringify(body)],
      );

    // As itself: two roles, which is what its rules say, and no third.
    const own = begin("&page=team");
    await page.goto(own.link);
    await page.waitForURL((url) => url.href.startsWith(hanna.home));
    const stolen = await page.evaluate(() => sessionStorage.getItem("stolen"));
    const list = await ask(stolen, own.verifier);
    assert.equal(list.status, 200);
    const open = list.json.roles.filter(({ refused }) => !refused).map(({ account, name }) => `${account} ${name}`);
    assert.deepEqual(open.sort(), ["111122223303 Engineer-03", "111122223303 Engineer-04"]);
    const wanted = list.json.roles.filter(({ account }) => ["111122223303", "111122223304"].includes(account)).slice(0, 10);
    const parts = wanted.map(({ role }) => ({ role, use: "credentials" }));
    const chosen = await ask(stolen, own.verifier, { parts });
    assert.equal(chosen.status, 200);
    for (const { role, ticket, refused } of chosen.json.parts) {
      const isIts = /:111122223303:role\/team\/Engineer-0[34]$/.test(role);
      assert.deepEqual([typeof ticket, refused?.error], isIts ? ["string", undefined] : ["undefined", "role_refused"], role);
    }
    assert.equal(chosen.json.parts.filter(({ ticket }) => ticket).length, 2);

    // As nobody: the choice is the built-in page's, whose origin keeps it; and where the script
    // had the ticket, it could not ask with it.
    const nobody = begin("");
    await page.goto(nobody.link);
    await page.waitForURL((url) => url.origin === new URL(sites.roles.url).origin && url.pathname === "/");
    await page.goto(hanna.home);
    assert.equal(hanna.tickets.size, 3);
    const other = hanna.ticket;
    assert.notEqual(await page.evaluate(() => sessionStorage.getItem("stolen")), other);
    const refused = await ask(other, nobody.verifier);
    assert.deepEqual([refused?.status, refused?.json.error], [401, "ticket_other_page"]);
    const role = list.json.roles.find(({ name }) => name === "Engineer-11").role;
    const again = await ask(other, nobody.verifier, { parts: [{ role, use: "credentials" }] });
    assert.deepEqual([again?.status, again?.json.error], [401, "ticket_other_page"]);
    await hanna.close();
  } finally {
    server.close();
  }
});
