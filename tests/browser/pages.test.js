// A page beside the built-in one: a login comes back to the page that began it.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { Visitor, enter, launch, root, serveFiles, sites } from "./support.js";

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await serveFiles(sites.wiki, path.join(root, "tests/browser/pages/elsewhere"));
});
after(async () => {
  await browser.close();
  server.close();
});

test("the module says which page begins, and a person comes back to it", async () => {
  const alice = await Visitor.of(browser, sites.wiki);
  const deep = `${sites.wiki.page}reports?year=2026#costs`;
  await alice.page.goto(deep);
  await alice.page.getByText('"nobody"').waitFor();
  await alice.page.getByRole("button", { name: "Sign in" }).click();
  await enter(alice, "alice");
  await alice.page.waitForURL(deep);
  await alice.page.waitForFunction(() => document.getElementById("result")?.textContent !== "");
  assert.equal(JSON.parse(await alice.text("#result")).user, "alice@example.test");
  const addresses = alice.requests.map((request) => new URL(request.url()));
  const started = addresses.filter(({ pathname }) => pathname === "/saml/login");
  assert.deepEqual(started.map(({ searchParams }) => searchParams.get("page")), ["wiki"]);
  assert.ok(!addresses.some(({ href }) => href === `${sites.wiki.url}/`), "the built-in page was not opened");
  await alice.close();
});

test("a hostile script on it reads no ticket of the built-in page", async () => {
  const alice = await Visitor.of(browser, sites.wiki);
  await alice.page.goto(sites.wiki.page);
  const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
  const relayState = encodeURIComponent(`${"s".repeat(22)}##${challenge}`);
  // As nobody, so that the rules are those for the built-in page.
  const link = `${sites.wiki.url}/saml/login?RelayState=${relayState}`;
  await alice.page.evaluate((link) => {
    const other = window.open(link);
    Object.assign(window, { other });
  }, link);
  const opened = await alice.context.waitForEvent("page");
  await enter({ page: opened }, "alice");
  await opened.waitForURL((url) => url.href.startsWith(`${sites.wiki.url}/`) && url.pathname === "/");
  assert.equal(alice.tickets.size, 1, "a ticket was made");
  const seen = await alice.page.evaluate(() => {
    try {
      return String(window.other?.location.href);
    } catch (error) {
      return error instanceof DOMException ? error.name : String(error);
    }
  });
  // Opened from another origin, the page cuts the tie to its opener, or keeps its address.
  assert.ok(["SecurityError", "undefined"].includes(seen), seen);
  // And where the script had the ticket, it could not take with it.
  const [ticket] = alice.tickets;
  const status = await alice.page.evaluate(
    async ([url, ticket]) => {
      const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
      const headers = { Authorization: `Bearer ${ticket}`, "Vestibule-Verifier": verifier };
      const answer = await fetch(`${url}/saml`, { headers });
      return [answer.status, (await answer.json()).error];
    },
    [sites.wiki.url, ticket],
  );
  assert.deepEqual(status, [401, "ticket_other_page"]);
  await alice.close();
});
