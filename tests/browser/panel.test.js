// The demo's panel: refusals on purpose, and the audit trail as it grows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, launch, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Somebody at the panel, come by the sign-on page's link. */
async function atThePanel(options) {
  const visitor = await Visitor.of(browser, sites.demo, options);
  const config = await (await fetch(`${sites.demo.url}/config.json`)).json();
  const [{ sign_on_url, relying_party_id }] = config.identity_providers;
  const inner = new URLSearchParams({ RPID: relying_party_id, RelayState: "nobody" });
  await visitor.page.goto(`${sign_on_url}?RelayState=${encodeURIComponent(inner)}`);
  await visitor.page.getByRole("link", { name: "The demo's panel" }).click();
  await visitor.heading("What happens if …");
  return visitor;
}

const LABELS = {
  "Wrong role": ["Access is not allowed", "role_refused"],
  Expired: ["The sign-in has expired", "assertion_expired"],
  "Another audience": ["The sign-in is not valid here", "wrong_audience"],
  Replayed: ["This sign-in was already used", "assertion_replayed"],
  "Session already waiting": ["Another sign-in is waiting", "session_waiting"],
  Tampered: ["The sign-in could not be verified", "digest_mismatch"],
  Unsigned: ["The sign-in could not be verified", "not_signed"],
  "Another key": ["The sign-in could not be verified", "signature_mismatch"],
  "Unknown issuer": ["The sign-in could not be verified", "issuer_unknown"],
};

test("each button leads to its refusal, and Back leads to the panel again", async () => {
  const visitor = await atThePanel();
  const { page } = visitor;
  const buttons = page.getByRole("button");
  assert.deepEqual(await buttons.allTextContents(), Object.keys(LABELS));
  for (const [label, [heading, code]] of Object.entries(LABELS)) {
    await page.getByRole("button", { name: label, exact: true }).press("Enter");
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    assert.equal(page.url(), `${visitor.site.url}/saml`);
    assert.ok((await page.locator("main").innerText()).includes(code), label);
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "What happens if …" }).waitFor();
  }
  await visitor.close();
});

test("what is audited shows up by itself, unless nobody wants to follow it", async () => {
  const watcher = await atThePanel();
  const actor = await atThePanel();
  const refusals = () => watcher.page.locator("#trail li", { hasText: "a rule says no" }).count();
  const before = await refusals();

  await actor.page.getByRole("button", { name: "Wrong role" }).click();
  const reference = (await actor.page.locator(".reference").innerText()).trim();
  await watcher.page.locator("#trail li").first().getByText(reference).waitFor();
  assert.equal(await refusals(), before + 1, "once");

  await watcher.page.getByLabel("Follow it live").uncheck();
  await actor.page.goBack();
  await actor.page.getByRole("button", { name: "Wrong role" }).click();
  await actor.heading("Access is not allowed");
  await watcher.page.waitForTimeout(2500);
  assert.equal(await refusals(), before + 1, "it stands still");
  await watcher.page.getByLabel("Follow it live").check();
  await watcher.page.waitForFunction((n) => document.querySelectorAll("#trail li").length >= n, before + 2);

  // Lines that come in move the others, which is their purpose: so look at it standing still.
  await watcher.page.reload();
  await watcher.page.getByLabel("Follow it live").uncheck();
  await watcher.inspect("panel");
  await watcher.leavesNothingBehind();
  await actor.leavesNothingBehind({ statuses: [403] });
});

test("without JavaScript it takes a click more", async () => {
  const visitor = await atThePanel({ javaScriptEnabled: false });
  const { page } = visitor;
  const panel = page.url();
  assert.equal(await page.getByLabel("Follow it live").isVisible(), false);
  await page.getByRole("button", { name: "Expired" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await visitor.heading("The sign-in has expired");
  await page.goto(panel);
  await page.getByRole("link", { name: "Look again" }).click();
  await page.getByText("the response is too old").first().waitFor();
  await visitor.close();
});
