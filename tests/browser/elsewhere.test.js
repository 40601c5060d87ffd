// Pages of other origins: one of a developer's own, a copy of ours in a bucket,
// and one that was written for the 2017 sample.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Visitor, launch, root, serveFiles, serveGateway, sites } from "./support.js";

const pages = path.join(root, "tests/browser/pages");
const servers = [];
let browser;
before(async () => {
  browser = await launch();
  servers.push(
    await serveFiles(sites.elsewhere, path.join(pages, "elsewhere")),
    await serveFiles(sites.bucket, path.join(root, "static")),
    await serveFiles(sites.plain, path.join(pages, "sample2017")),
    await serveGateway(sites.gateway, "api.gateway.example"),
  );
});
after(async () => {
  await browser.close();
  for (const server of servers) server.close();
});

describe("a page of another origin that imports the module from the Vestibule", () => {
  const open = async () => {
    const person = await Visitor.of(browser, sites.elsewhere);
    await person.page.goto(person.home);
    await person.page.getByText('"nobody"').waitFor();
    return person;
  };
  const result = async (person) => {
    await person.page.waitForFunction(() => document.getElementById("result")?.textContent !== "");
    return JSON.parse(await person.text("#result"));
  };

  test("signs in, follows the steps, and pings", async () => {
    const paula = await open();
    await paula.page.getByRole("button", { name: "Sign in" }).click();
    await paula.choose("paula");
    await paula.page.waitForURL(sites.elsewhere.page);
    const { user, same, pong } = await result(paula);
    assert.deepEqual([user, same, pong.status], ["paula@halvorsen.example", true, "Success"]);
    assert.equal((await paula.text("#steps")).trim(), "returned\nfetching\nreceived\npinging\nanswered");
    assert.equal(paula.page.url(), sites.elsewhere.page);
    const taken = paula.requests.filter((request) => request.method() === "GET" && request.url().endsWith("/saml"));
    assert.equal(taken.length, 1, "asked once");
    await paula.leavesNothingBehind();
    const log = await readFile(sites.elsewhere.log, "utf8");
    for (const route of ["/saml", "/users"]) {
      assert.match(log, new RegExp(`method="OPTIONS" route="${route}" status=200`), "preflights were asked");
    }
  });

  test("comes back to the path, query and fragment where it began", async () => {
    const paula = await Visitor.of(browser, sites.elsewhere);
    const deep = `${sites.elsewhere.page}reports?year=2026&quarter=3#costs`;
    await paula.page.goto(deep);
    await paula.page.getByText('"nobody"').waitFor();
    await paula.page.getByRole("button", { name: "Sign in" }).click();
    await paula.choose("paula");
    await paula.page.waitForURL(deep);
    const { user } = await result(paula);
    assert.equal(user, "paula@halvorsen.example");
    assert.equal(paula.page.url(), deep);
    const taken = paula.requests.filter((request) => request.method() === "GET" && request.url().endsWith("/saml"));
    assert.equal(taken.length, 1, "asked once, by the document where it began");
    assert.deepEqual(await paula.page.evaluate(() => Object.keys(sessionStorage).sort()), ["vestibule.idp", "vestibule.used"]);
    await paula.leavesNothingBehind();
  });

  test("is led nowhere else by what somebody put into its storage", async () => {
    for (const place of ["//vestibule.invalid/x", "/gone.html#x", "https://vestibule.invalid/", ".vestibule.invalid/", "#x#y", ""]) {
      const person = await open();
      await person.page.evaluate((place) => {
        sessionStorage.setItem("vestibule.login", "v".repeat(43));
        sessionStorage.setItem("vestibule.place", place);
      }, place);
      await person.page.goto("about:blank");
      await person.page.goto(`${person.home}#jwt=not.a.ticket`).catch(() => {});
      assert.equal(new URL(person.page.url()).origin, new URL(person.home).origin, place);
      await person.close();
    }
  });

  test("reads refusals: code, sentence, reference, and whether to ask again", async () => {
    const person = await open();
    await person.page.evaluate(() => sessionStorage.setItem("vestibule.login", "v".repeat(43)));
    await person.page.goto("about:blank");
    await person.page.goto(`${person.home}#jwt=not.a.ticket`);
    const { code, sentence, reference, retry } = await result(person);
    assert.deepEqual([code, retry], ["ticket_malformed", false]);
    assert.equal(sentence, "The ticket is not one that was made here. Please sign in again.");
    assert.match(reference, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    await person.page.evaluate(() => history.replaceState(null, "", location.pathname));
    await person.leavesNothingBehind({ statuses: [401] });
  });

  test("a refused person reads the refusal at the Vestibule and comes back to the page", async () => {
    const dev = await open();
    await dev.page.getByRole("button", { name: "Sign in" }).click();
    await dev.choose("dev");
    await dev.heading("Access is not allowed");
    await dev.page.getByRole("link", { name: "Back to the sign-in page" }).click();
    await dev.heading("A page of somebody else");
    await dev.leavesNothingBehind({ statuses: [403] });
  });

  test("an origin that is not configured gets neither the module nor the credentials", async () => {
    const stranger = await Visitor.of(browser, sites.bucket);
    await stranger.page.goto(sites.bucket.page);
    const outcome = await stranger.page.evaluate(async (url) => {
      const attempt = (promise) => promise.then(() => "let in", () => "shut out");
      return [
        await attempt(import(`${url}/vestibule.js`)),
        await attempt(fetch(`${url}/config.json`)),
        await attempt(fetch(`${url}/saml`, { headers: { Authorization: "Bearer x" } })),
      ];
    }, sites.elsewhere.url);
    assert.deepEqual(outcome, ["shut out", "shut out", "shut out"]);
    await stranger.close();
  });
});

test("our page, copied into a bucket, does all that it does at home", async () => {
  const paula = await Visitor.of(browser, sites.bucket);
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.getByRole("button", { name: "Ping" }).click();
  await paula.page.getByText(/^Success in/).waitFor();
  assert.equal(paula.page.url(), sites.bucket.page);
  await paula.leavesNothingBehind();
});

test("behind a gateway of another name, the ping is signed for that name", async () => {
  const paula = await Visitor.of(browser, sites.gateway);
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.getByRole("button", { name: "Ping" }).click();
  await paula.page.getByText(/^Success in/).waitFor();
  const ping = paula.requests.find((request) => request.url().endsWith("/users"));
  assert.equal(ping?.url(), `${sites.gateway.page}users`, "sent to the page's own origin");
  await paula.leavesNothingBehind();
});

describe("a page of the 2017 sample", () => {
  const signedIn = async () => {
    const paula = await Visitor.of(browser, sites.plain);
    await paula.page.goto(paula.home);
    await paula.page.getByRole("button", { name: "Log in" }).click();
    await paula.choose("paula");
    await paula.page.getByText(/^LOCAL/).waitFor();
    return paula;
  };

  test("reads its token from the query, and finds the four values where it looks", async () => {
    const paula = await signedIn();
    assert.match(paula.page.url(), /\?jwt=/);
    assert.ok(Date.parse(await paula.text("#until")) > Date.now());
    assert.deepEqual(paula.console, []);
    await paula.close();
  });

  test("the token again is answered 404, with another COGNITO_ID 401", async () => {
    const paula = await signedIn();
    await paula.page.reload();
    await paula.page.getByText("404 gone").waitFor();
    await paula.page.evaluate(() => localStorage.setItem("cognitoId", `eu-central-1:${crypto.randomUUID()}`));
    await paula.page.reload();
    await paula.page.getByText("401 cognito_id_mismatch").waitFor();
    await paula.page.evaluate(() => localStorage.clear());
    await paula.page.reload();
    await paula.page.getByText("401 cognito_id_missing").waitFor();
    await paula.close();
  });

  test("our own page says that it is not for this mode", async () => {
    const person = await Visitor.of(browser, sites.plain);
    await person.page.goto(`${sites.plain.url}/`);
    await person.page.getByRole("button", { name: "Sign in with ADFS" }).click();
    await person.heading("This is the wrong page");
    await person.leavesNothingBehind();
  });
});
