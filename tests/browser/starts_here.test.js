// A login that starts at Vestibule (SP-initiated), at a real identity provider.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, enter, launch, sites } from "./support.js";

/** So old may be the sign-in of whoever takes the role Vault. */
const VAULT_MS = 10_000;

let browser;
/** Has signed in before the others, and comes back after them. */
let dana;
let entered = 0;
before(async () => {
  browser = await launch();
  dana = await Visitor.of(browser, sites.redirect);
  await dana.page.goto(dana.home);
  await begin(dana);
  await enter(dana, "dana");
  entered = Date.now();
  await dana.heading("You are signed in");
});
after(() => browser.close());

async function begin(visitor) {
  await visitor.page.getByRole("button", { name: "Sign in with SSP" }).click();
}

async function signIn(visitor) {
  await visitor.page.goto(visitor.home);
  await begin(visitor);
  await enter(visitor, "alice");
  await visitor.heading("You are signed in");
  assert.equal(await visitor.text("#user"), "alice@example.test");
}

for (const binding of ["redirect", "post"]) {
  test(`the browser carries the request by ${binding}, and comes back signed in`, async () => {
    const alice = await Visitor.of(browser, sites[binding]);
    await signIn(alice);
    const started = alice.requests.filter((request) => new URL(request.url()).pathname === "/saml/login");
    assert.equal(started.length, 1);
    const posted = alice.requests.filter((request) => request.postData()?.includes("SAMLRequest="));
    assert.equal(posted.length, binding === "post" ? 1 : 0);
    // Signed in there already, the second time it takes one click.
    await alice.page.goto(alice.home);
    await alice.page.getByRole("button", { name: "Sign in with SSP" }).click();
    await alice.heading("You are signed in");
    await alice.page.getByRole("button", { name: "Ping" }).click();
    await alice.page.getByText(/^Success in/).waitFor();
    await alice.close();
  });
}

test("where the script does not run there is a button", async () => {
  const alice = await Visitor.of(browser, sites.post);
  await alice.context.route("**/post.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: "" }),
  );
  await alice.page.goto(alice.home);
  await alice.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await alice.heading("To your company’s sign-in page");
  await alice.inspect("starts-here");
  await alice.page.getByRole("button", { name: "Continue" }).click();
  await alice.page.locator("input[name=username]").waitFor();
  await alice.close();
});

for (const binding of ["redirect", "post"]) {
  test(`who is refused for want of a second factor signs in again with it, by ${binding}`, async () => {
    const carol = await Visitor.of(browser, sites[binding]);
    const deep = `${carol.home}?team=tides#today`;
    await carol.page.goto(deep);
    await begin(carol);
    await enter(carol, "carol");
    await carol.heading("Please sign in once more");
    await carol.page.getByText("insufficient_user_authentication").waitFor();
    if (binding === "redirect") await carol.inspect("step-up");
    await carol.page.getByRole("link", { name: "Sign in again with stronger authentication" }).click();
    await carol.heading("You are signed in");
    assert.equal(await carol.text("#role"), "Payments");
    assert.equal(carol.page.url(), deep, "back where it began");
    const started = carol.requests.map((request) => new URL(request.url())).filter((url) => url.pathname === "/saml/login");
    assert.deepEqual(started.map((url) => url.searchParams.getAll("authn_context")), [[], ["https://refeds.org/profile/mfa"]]);
    await carol.close();
  });
}

test("attack: a link that asks for a sign-in that is not configured", async () => {
  const carol = await Visitor.of(browser, sites.redirect);
  await carol.page.goto(`${carol.home}#sign-in=SSP&authn_context=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Aac%3Aclasses%3Aunspecified`);
  await carol.heading("The sign-in cannot start like this");
  assert.equal(new URL(carol.page.url()).pathname, "/saml/login");
  assert.ok(carol.requests.every((request) => request.url().startsWith(carol.home)), "nobody else was asked");
  await carol.leavesNothingBehind({ statuses: [400] });
});

test("an address that starts nothing says so, and leads back", async () => {
  const alice = await Visitor.of(browser, sites.redirect);
  await alice.page.goto(`${sites.redirect.url}/saml/login?idp=Nobody&RelayState=${"s".repeat(22)}%23%23${"c".repeat(43)}`);
  await alice.heading("There is no such sign-in service");
  await alice.inspect("starts-nowhere");
  await alice.page.getByRole("link", { name: "Back to the sign-in page" }).click();
  await alice.page.getByRole("button", { name: "Sign in with SSP" }).waitFor();
  await alice.leavesNothingBehind({ statuses: [404] });
});

test("who signed in too long ago signs in anew, with a password", async () => {
  assert.equal(await dana.text("#role"), "Vault");
  await dana.page.waitForTimeout(Math.max(0, entered + VAULT_MS + 1_000 - Date.now()));
  await dana.page.goto(dana.home);
  await begin(dana);
  await dana.heading("Please sign in once more");
  await dana.page.getByRole("link", { name: "Sign in again now" }).click();
  await enter(dana, "dana");
  await dana.heading("You are signed in");
  assert.equal(await dana.text("#role"), "Vault");
  await dana.close();
});
