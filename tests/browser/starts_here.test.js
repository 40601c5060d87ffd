// A login that starts at Vestibule (SP-initiated), at a real identity provider.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, launch, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function signIn(visitor) {
  await visitor.page.goto(visitor.home);
  await visitor.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await visitor.page.locator("input[name=username]").fill("alice");
  await visitor.page.locator("input[name=password]").fill("alice");
  await visitor.page.locator("input[name=password]").press("Enter");
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
    await alice.context.close();
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
  await alice.context.close();
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
