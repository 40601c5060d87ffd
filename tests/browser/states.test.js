// Every state of the page: what axe finds, whether it moves, how it looks
// (target/screenshots/, to be looked at by people).

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { holding, withProfile } from "./profile.js";
import { Visitor, launch, root, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const visitor = (site, options) => Visitor.of(browser, site, options);

test("signing in, at one identity provider or at one of several", async () => {
  const one = await visitor(sites.demo);
  await one.page.goto(one.home);
  await one.heading("Sign in to AWS");
  await one.inspect("sign-in");
  await one.leavesNothingBehind();

  const several = await visitor(sites.short);
  await several.page.goto(several.home);
  await several.page.getByRole("button", { name: "Sign in with ADFS-Harbour" }).waitFor();
  await several.inspect("sign-in-several");
  await several.leave("ada", "ADFS-Harbour");
  await several.heading("You are signed in");
  assert.match(await several.text("#left"), /^(3:59:\d\d|4:00:00)$/);
  await several.page.getByRole("button", { name: "Sign in again" }).click();
  await several.heading("Sign in to AWS");
  assert.equal(await several.page.locator("#text").count(), 0);
  await several.leavesNothingBehind();
});

test("the page's own person is still told while the service answers slowly", async () => {
  const paula = await visitor(sites.demo);
  let answer = () => {};
  const asked = new Promise((resolve) => (answer = () => resolve(undefined)));
  await paula.page.route("**/saml", async (route) => {
    if (route.request().method() === "GET") await asked;
    await route.continue();
  });
  await paula.signIn("paula");
  await paula.page.getByText("Picking up your credentials.", { exact: true }).last().waitFor();
  await paula.inspect("working");
  answer();
  await paula.heading("You are signed in");
  await paula.leavesNothingBehind();
});

test("signed in: masked, shown, pinged, expired", async () => {
  const paula = await visitor(sites.demo);
  await paula.page.clock.install({ time: new Date() });
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.getByRole("button", { name: "Ping" }).click();
  await paula.page.getByText(/^Success in/).waitFor();
  await paula.inspect("signed-in");
  await paula.page.getByRole("button", { name: "Show" }).click();
  await paula.page.getByRole("radio", { name: "JSON" }).check({ force: true });
  await paula.inspect("shown");
  await paula.page.clock.fastForward("01:00:10");
  await paula.heading("Your credentials have expired");
  await paula.inspect("expired");
  await paula.leavesNothingBehind();
});

test("a ticket that was left to expire", async () => {
  const paula = await visitor(sites.short);
  await paula.page.route("**/saml", async (route) => {
    // Longer than the five seconds that tickets live at this site.
    if (route.request().method() === "GET") await new Promise((resolve) => setTimeout(resolve, 6_500));
    await route.continue();
  });
  await paula.signIn("paula");
  await paula.heading("That took too long");
  assert.equal(await paula.text("#code"), "ticket_expired");
  await paula.inspect("ticket-expired");
  await paula.leavesNothingBehind({ statuses: [401] });
});

test("a ticket used twice, and one of another tab", async () => {
  const paula = await visitor(sites.demo);
  await paula.page.route("**/saml", async (route) => {
    if (route.request().method() === "GET") await route.fetch();
    await route.continue();
  });
  await paula.signIn("paula");
  await paula.heading("There is nothing left to pick up");
  await paula.inspect("gone");
  const tab = await paula.context.newPage();
  await tab.goto(`${paula.home}#jwt=${paula.ticket}`);
  await tab.getByRole("heading", { name: "This tab cannot use this ticket" }).waitFor();
  await new Visitor(paula.site, paula.context, tab).inspect("another-tab");
  await paula.leavesNothingBehind({ statuses: [404] });
});

test("a service that cannot be reached", async () => {
  const person = await visitor(sites.demo);
  await person.page.route("**/config.json", (route) => route.abort("connectionrefused"));
  await person.page.goto(person.home);
  await person.heading("No connection");
  await person.inspect("no-connection");
  await person.page.unroute("**/config.json");
  await person.page.getByRole("button", { name: "Try again" }).click();
  await person.heading("Sign in to AWS");
  await person.leavesNothingBehind({ failures: 1 });
});

test("refusals: by a rule, nothing there, and without a contact", async () => {
  for (const [site, account, heading, name] of [
    [sites.demo, "dev", "Access is not allowed", "refused-by-rule"],
    [sites.short, "dev", "Access is not allowed", "refused-without-a-contact"],
  ]) {
    const person = await visitor(site);
    await person.signIn(account);
    await person.heading(heading);
    await person.inspect(name);
    await person.leavesNothingBehind({ statuses: [403] });
  }
  const lost = await visitor(sites.demo);
  await lost.page.goto(`${sites.demo.url}/nowhere`);
  await lost.heading("There is nothing here");
  await lost.inspect("not-found");
  await lost.leavesNothingBehind({ statuses: [404] });
});

test("the demo's identity provider, and its panel while something happens", async () => {
  const person = await visitor(sites.demo);
  await person.page.goto(person.home);
  await person.page.getByRole("button", { name: "Sign in with ADFS" }).click();
  await person.page.locator("button[value=paula]").waitFor();
  await person.inspect("demo-sign-on");
  await person.page.goto(new URL("/panel", person.page.url()).href);
  await person.page.getByRole("heading", { level: 1 }).waitFor();
  await person.page.waitForTimeout(1_000);
  await person.inspect("demo-panel");
  await person.leavesNothingBehind();
});

test("without JavaScript", async () => {
  const person = await visitor(sites.demo, { javaScriptEnabled: false });
  await person.page.goto(person.home);
  await person.heading("JavaScript is off");
  await person.page.screenshot({ path: path.join(root, "target/screenshots/no-script.png"), fullPage: true });
  await person.close();
});

test("no credentials are in any file of the browser's profile, and a ticket that is gives nothing", async () => {
  await withProfile(sites.demo, async (paula, profile) => {
    let verifier = "";
    await paula.page.exposeFunction("remember", (found) => (verifier = found));
    await paula.page.addInitScript(() => {
      const found = location.port && sessionStorage.getItem("vestibule.login");
      if (found) globalThis.remember(found);
    });
    await paula.signIn("paula");
    await paula.heading("You are signed in");
    await paula.page.getByRole("radio", { name: "JSON" }).check({ force: true });
    await paula.page.getByRole("button", { name: "Show" }).click();
    const { SecretAccessKey, SessionToken } = JSON.parse(await paula.text("#text"));
    await paula.leavesNothingBehind();

    const files = async (text) => (await holding([profile], [text])).map((name) => path.basename(name));
    assert.deepEqual(await files(SecretAccessKey), []);
    assert.deepEqual(await files(SessionToken), []);
    assert.ok((await files("127.0.0.1")).includes("History"), "there is a history to look at");
    // Chromium writes the address of a redirect down before any script of the page runs.
    console.log(`the spent ticket is in: ${[...new Set(await files(paula.ticket.split(".")[2]))].join(" ")}`);
    const headers = { authorization: `Bearer ${paula.ticket}`, "vestibule-verifier": verifier };
    const answer = await fetch(`${sites.demo.url}/saml`, { headers });
    assert.deepEqual([answer.status, (await answer.json()).error], [404, "gone"]);
  });
});
