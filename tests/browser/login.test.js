// The demo, as a person meets it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, launch, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const visitor = (options) => Visitor.of(browser, sites.demo, options);

test("Paula signs in, sees who she is, copies each format, and pings", async () => {
  const paula = await visitor({ permissions: ["clipboard-read", "clipboard-write"] });
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  assert.equal(await paula.text("#user"), "paula@halvorsen.example");
  assert.equal(await paula.text("#role"), "ADFS-Production");
  assert.equal(await paula.text("#account"), "123456789012");
  assert.equal(await paula.text("#rule"), "production");
  assert.equal(await paula.page.locator("#limited").isVisible(), false);
  assert.match(await paula.text("#local"), /^For practice only\. .*AWS does not know them\.$/);
  assert.match(await paula.text("#left"), /^(59:\d\d|1:00:00)$/);
  assert.equal(await paula.page.evaluate(() => document.activeElement?.textContent), "You are signed in");
  assert.equal(await paula.page.title(), "You are signed in · Vestibule");

  // Masked on the screen, whole in the clipboard.
  const copied = {};
  for (const format of ["bash", "PowerShell", "AWS profile", "JSON", "credential_process"]) {
    await paula.page.getByRole("radio", { name: format, exact: true }).check({ force: true });
    assert.match(await paula.text("#text"), /•{16}[^]*•{16}/, format);
    await paula.page.evaluate(() => navigator.clipboard.writeText("something else"));
    await paula.page.locator("#copy").click();
    await paula.page.waitForFunction(async () => (await navigator.clipboard.readText()) !== "something else");
    copied[format] = await paula.page.evaluate(() => navigator.clipboard.readText());
    assert.ok(!copied[format].includes("•"));
    assert.equal(await paula.text("#copy"), "Copied");
  }
  const { AccessKeyId: id, SecretAccessKey: secret, SessionToken: token, Expiration } = JSON.parse(copied.JSON);
  assert.match(id, /^LOCAL[A-Z0-9]{15}$/);
  assert.ok(secret.length >= 40 && token.length > 100);
  assert.ok(!(await paula.page.content()).includes(secret), "not even hidden in the page");
  const { region } = await (await fetch(`${sites.demo.url}/config.json`)).json();
  const variables = Object.entries({
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_SESSION_TOKEN: token,
    AWS_CREDENTIAL_EXPIRATION: Expiration,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
  });
  assert.equal(copied.bash, variables.map(([name, value]) => ` export ${name}='${value}'\n`).join(""));
  assert.equal(copied.PowerShell, variables.map(([name, value]) => `$Env:${name}='${value}'\n`).join(""));
  assert.equal(
    copied["AWS profile"],
    `[ADFS-Production-123456789012]\n# Expires ${Expiration}\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\naws_session_token = ${token}\nregion = ${region}\n`,
  );
  assert.deepEqual(JSON.parse(copied.credential_process), {
    Version: 1,
    AccessKeyId: id,
    SecretAccessKey: secret,
    SessionToken: token,
    Expiration,
  });

  await paula.page.getByRole("button", { name: "Show" }).click();
  assert.ok((await paula.text("#text")).includes(secret));
  assert.equal(await paula.page.locator("#show").getAttribute("aria-pressed"), null, "the label says it");
  await paula.page.getByRole("button", { name: "Hide" }).click();
  assert.ok(!(await paula.text("#text")).includes(secret));

  await paula.page.getByRole("button", { name: "Ping" }).click();
  await paula.page.getByText(/^Success in \d+ ms\. You are arn:aws:sts::123456789012:assumed-role\/ADFS-Production\/paula@halvorsen\.example\.$/).waitFor();
  await paula.leavesNothingBehind();
});

test("a sign-in is done with the keyboard alone, and a screen reader hears it", async () => {
  const paula = await visitor();
  await paula.page.goto(paula.home);
  await paula.heading("Sign in to AWS");
  await paula.page.keyboard.press("Tab");
  await paula.page.keyboard.press("Tab");
  assert.equal(await paula.page.evaluate(() => document.activeElement?.textContent), "Sign in with ADFS");
  const outline = () => paula.page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineWidth);
  assert.equal(await outline(), "3px");
  await paula.page.keyboard.press("Enter");
  await paula.page.locator("button[value=paula]").focus();
  await paula.page.keyboard.press("Enter");
  await paula.heading("You are signed in");
  const told = await paula.page.locator("[role=status]").textContent();
  assert.equal(told, "Picking up your credentials.");
  // From the heading on: format, text, copy, show, ping, again.
  const reached = [];
  for (let i = 0; i < 6; i++) {
    await paula.page.keyboard.press("Tab");
    reached.push(await paula.page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || document.activeElement?.getAttribute("value")));
  }
  assert.deepEqual(reached, ["bash", "text", "copy", "show", "ping", "Sign in again"]);
  await paula.leavesNothingBehind();
});

test("where the browser does not let the page copy, the text is selected to be copied by hand", async () => {
  const paula = await visitor();
  await paula.page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
  });
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.getByRole("button", { name: "Copy", exact: true }).click();
  await paula.page.getByText("press Ctrl C").waitFor();
  const selected = await paula.page.evaluate(() => String(getSelection()));
  assert.ok(selected.includes("AWS_SESSION_TOKEN") && !selected.includes("•"));
  await paula.leavesNothingBehind();
});

test("reloading and going back never show credentials again", async () => {
  const paula = await visitor();
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.reload();
  await paula.heading("Sign in to AWS");
  assert.equal(await paula.page.locator("#text").count(), 0);
  await paula.leave("paula");
  await paula.heading("You are signed in");
  assert.equal(paula.tickets.size, 2);
  // Back is the identity provider, and forward is the page: without a ticket.
  await paula.page.goBack({ waitUntil: "load" }).catch(() => null);
  await paula.page.goto(paula.home);
  await paula.heading("Sign in to AWS");
  await paula.leavesNothingBehind();
});

test("back from the identity provider, without having signed in, one can begin again", async () => {
  const paula = await visitor();
  await paula.page.goto(paula.home);
  await paula.page.getByRole("button", { name: "Sign in with ADFS" }).click();
  await paula.page.locator("button[value=paula]").waitFor();
  await paula.page.goBack();
  await paula.heading("Sign in to AWS");
  await paula.leave("paula");
  await paula.heading("You are signed in");
  await paula.leavesNothingBehind();
});

test("a second tab cannot use the ticket, and takes nothing from the first", async () => {
  const paula = await visitor();
  let go = () => {};
  const held = new Promise((resolve) => (go = () => resolve(undefined)));
  await paula.page.route("**/saml", async (route) => {
    if (route.request().method() === "GET") await held;
    await route.continue();
  });
  await paula.signIn("paula");
  await paula.heading("One moment…");
  await paula.page.waitForURL((url) => url.pathname === "/" && url.hash === "");
  const second = await paula.context.newPage();
  await second.goto(`${paula.home}#jwt=${paula.ticket}`);
  await second.getByRole("heading", { name: "This tab cannot use this ticket" }).waitFor();
  assert.equal(new URL(second.url()).hash, "", "taken out of the address bar all the same");
  go();
  await paula.heading("You are signed in");
  await paula.leavesNothingBehind();
});

test("a used ticket gives nothing: in the same tab, and with its verifier", async () => {
  const paula = await visitor();
  let verifier = "";
  await paula.page.exposeFunction("remember", (found) => (verifier = found));
  await paula.page.addInitScript(() => {
    const found = location.port && sessionStorage.getItem("vestibule.login");
    if (found) globalThis.remember(found);
  });
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  const kept = await paula.page.evaluate(() => JSON.stringify(sessionStorage));
  assert.match(kept, /^\{"vestibule\.idp":"ADFS","vestibule\.used":"[\w-]{43}=received"\}$/, "that it is spent, and no more");

  // Pasted into the address bar of the very page: it is not even loaded anew.
  await paula.page.evaluate((ticket) => (location.hash = `jwt=${ticket}`), paula.ticket);
  await paula.heading("This sign-in is over");
  await paula.page.getByText("already completed in this tab").waitFor();
  assert.equal(await paula.page.locator("#text").count(), 0);

  assert.equal(verifier.length, 43);
  await paula.page.evaluate((verifier) => {
    sessionStorage.clear();
    sessionStorage.setItem("vestibule.login", verifier);
  }, verifier);
  await paula.page.goto("about:blank");
  await paula.page.goto(`${paula.home}#jwt=${paula.ticket}`);
  await paula.heading("There is nothing left to pick up");
  assert.equal(await paula.text("#code"), "gone");
  assert.match(await paula.text("#reference"), /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  assert.match(await paula.text("#contact"), /extension 4711/);
  await paula.page.getByText("A ticket works once").waitFor();
  await paula.page.evaluate((ticket) => (location.hash = `jwt=${ticket}`), paula.ticket);
  await paula.heading("This sign-in is over");
  await paula.page.getByText("has shown this ticket before, and it was refused").waitFor();
  await paula.page.evaluate(() => history.replaceState(null, "", location.pathname));
  await paula.leavesNothingBehind({ statuses: [404] });
});

test("an answer lost on the way: asking again says that they are gone, and signing in again works", async () => {
  const paula = await visitor();
  let delivered = 0;
  await paula.page.route("**/saml", async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    delivered = (await route.fetch()).status();
    await route.abort("connectionreset");
  });
  await paula.signIn("paula");
  await paula.heading("No connection");
  assert.equal(delivered, 200);
  await paula.page.unroute("**/saml");
  await paula.page.getByRole("button", { name: "Try again" }).click();
  await paula.heading("There is nothing left to pick up");
  assert.equal(await paula.page.getByRole("button", { name: "Try again" }).isVisible(), false);
  await paula.page.getByRole("button", { name: "Sign in again" }).click();
  await paula.choose("paula");
  await paula.heading("You are signed in");
  await paula.leavesNothingBehind({ statuses: [404], failures: 1 });
});

test("a connection that fails before anything was sent is tried again with the same ticket", async () => {
  const paula = await visitor();
  await paula.page.route("**/saml", (route) =>
    route.request().method() === "GET" ? route.abort("connectionrefused") : route.continue(),
  );
  await paula.signIn("paula");
  await paula.heading("No connection");
  await paula.page.unroute("**/saml");
  await paula.page.getByRole("button", { name: "Try again" }).click();
  await paula.heading("You are signed in");
  assert.equal(paula.tickets.size, 1);
  await paula.leavesNothingBehind({ failures: 1 });
});

// As tests/http proves that it answers while all slots are taken; as API Gateway answers by itself.
for (const [status, heading, answer] of [
  [503, "Not right now", { error: "busy", message: "Please wait a moment.", reference: "7K3F-9QTZ", retry_after: 1 }],
  [429, "That did not work", { error: "gateway", message: "Too Many Requests", reference: "7K3F-9QTZ" }],
]) {
  test(`a service that says not now is asked again when the person wants, with the same ticket: ${answer.error}`, async () => {
    const paula = await visitor();
    await paula.page.route("**/saml", (route) =>
      route.request().method() === "GET" ? route.fulfill({ status, json: answer }) : route.continue(),
    );
    await paula.signIn("paula");
    await paula.heading(heading);
    assert.equal(await paula.text("#reference"), "7K3F-9QTZ");
    await paula.page.unroute("**/saml");
    await paula.page.getByRole("button", { name: "Try again" }).click();
    await paula.heading("You are signed in");
    assert.equal(paula.tickets.size, 1);
    await paula.leavesNothingBehind({ statuses: [status] });
  });
}

test("when the hour is over the page forgets the credentials", async () => {
  const paula = await visitor();
  await paula.page.clock.install({ time: new Date() });
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.clock.fastForward("55:10");
  assert.match(await paula.text("#left"), /^4:[45]\d$/);
  assert.equal(await paula.text("#soon"), "They expire soon.");
  assert.equal(await paula.page.locator("#life").getAttribute("class"), "soon");
  await paula.page.clock.fastForward("04:00");
  assert.equal(await paula.text("#soon"), "They expire within a minute.");
  assert.equal(await paula.page.locator("#life").getAttribute("class"), "last");
  await paula.page.clock.fastForward("01:00");
  await paula.heading("Your credentials have expired");
  assert.equal(await paula.page.locator("#text").count(), 0);
  await paula.leavesNothingBehind();
});

test("whoever looks away finds the credentials masked", async () => {
  const paula = await visitor();
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  await paula.page.getByRole("button", { name: "Show" }).click();
  await paula.page.evaluate(() => {
    Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  assert.match(await paula.text("#text"), /•{16}/);
  await paula.leavesNothingBehind();
});

test("Dev is refused, and told why, what to do, whom to ask, and a reference", async () => {
  for (const [account, heading, sentence, code] of [
    ["dev", "Access is not allowed", "Your account is for development only.", "role_refused"],
  ]) {
    const person = await visitor();
    await person.signIn(account);
    await person.heading(heading);
    await person.page.getByText(sentence).waitFor();
    await person.page.getByText("extension 4711").waitFor();
    assert.match(await person.text(".reference"), /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    assert.equal(await person.text("main code"), code);
    await person.page.getByRole("link", { name: "Back to the sign-in page" }).click();
    await person.heading("Sign in to AWS");
    await person.leavesNothingBehind({ statuses: [403] });
  }
});

/** What an identity provider posts for the tile of a portal: no RelayState. */
async function asATile(person, times = Infinity) {
  await person.page.route("**/saml", async (route) => {
    const form = new URLSearchParams(route.request().postData() ?? "");
    if (form.has("RelayState") && times > 0) {
      times -= 1;
      form.delete("RelayState");
    }
    await route.continue({ postData: form.toString() });
  });
}

test("a tile of the portal begins a login here, once", async () => {
  const paula = await visitor();
  await asATile(paula, 1);
  await paula.signIn("paula");
  // Her identity provider asks again; most would not.
  await paula.choose("paula");
  await paula.heading("You are signed in");
  assert.equal(paula.page.url(), paula.home);
  await paula.leavesNothingBehind();
});

test("an identity provider that never says where somebody began is not asked for ever", async () => {
  const paula = await visitor();
  await asATile(paula);
  await paula.signIn("paula");
  await paula.choose("paula");
  await paula.heading("The sign-in cannot come back here");
  assert.equal(await paula.text("#code"), "relay_state_missing");
  await paula.inspect("no-relay-state");
  // The next one has its own chance.
  await paula.page.unroute("**/saml");
  await paula.page.getByRole("button", { name: "Sign in again" }).click();
  await paula.choose("paula");
  await paula.heading("You are signed in");
  await paula.leavesNothingBehind();
});

test("a refusal is complete without JavaScript, and the page says that it needs it", async () => {
  const dev = await visitor({ javaScriptEnabled: false });
  await dev.page.goto(dev.home);
  await dev.heading("JavaScript is off");
  assert.equal(await dev.page.getByText("One moment").isVisible(), false);
  // Somebody who comes by a bookmark at the identity provider: no RelayState that is ours.
  const form = '<form method="post" action="ACTION"><input name="SAMLResponse" value="x"><button>Go</button></form>';
  await dev.page.goto("about:blank");
  await dev.page.setContent(form.replace("ACTION", `${sites.demo.url}/saml`));
  await dev.page.getByRole("button", { name: "Go" }).click();
  await dev.heading("Please begin at the page");
  assert.equal(await dev.text("main code"), "relay_state_missing");
  await dev.page.getByRole("link", { name: "Back to the sign-in page" }).click();
  await dev.heading("JavaScript is off");
  await dev.close();
});

test("Conny may ping, and is told for how long", async () => {
  const conny = await visitor();
  await conny.signIn("conny-C");
  await conny.heading("You are signed in");
  assert.match(await conny.text("#left"), /^1[45]:\d\d$/);
  assert.equal(await conny.text("#rule"), "contractors");
  assert.match(await conny.text("#limited"), /^limited by a policy/);
  await conny.page.getByRole("button", { name: "Ping" }).click();
  await conny.page.getByText(/^Success in/).waitFor();
  await conny.leavesNothingBehind();
});

test("the whole page is small, asks little, and asks nobody else", async () => {
  const paula = await visitor();
  const weigh = async () => {
    const loaded = paula.requests.filter((request) => request.url().startsWith(sites.demo.url));
    const sizes = await Promise.all(loaded.map((request) => request.sizes()));
    const bytes = sizes.reduce((sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize, 0);
    return { requests: loaded.map((request) => new URL(request.url()).pathname), bytes };
  };
  await paula.page.goto(paula.home, { waitUntil: "networkidle" });
  const first = await weigh();
  console.log(`first visit: ${first.bytes} bytes in ${first.requests.length} requests: ${first.requests.join(" ")}`);
  assert.ok(first.bytes < 50_000 && first.requests.length <= 13, JSON.stringify(first));
  paula.requests.length = 0;
  await paula.leave("paula");
  await paula.heading("You are signed in");
  await paula.page.waitForLoadState("networkidle");
  const second = await weigh();
  console.log(`coming back: ${second.bytes} bytes in ${second.requests.length} requests: ${second.requests.join(" ")}`);
  assert.ok(first.bytes + second.bytes < 70_000 && second.requests.length <= 15, JSON.stringify(second));
  await paula.leavesNothingBehind();
});
