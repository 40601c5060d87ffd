// The page on AWS: started by `cargo test --test aws_login`, which starts AWS too.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Visitor, launch, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("Paula signs in, and copies credentials that AWS takes", async () => {
  const paula = await Visitor.of(browser, sites.aws, { permissions: ["clipboard-read", "clipboard-write"] });
  await paula.signIn("paula");
  await paula.heading("You are signed in");
  assert.equal(await paula.text("#user"), "paula@halvorsen.example");
  assert.equal(await paula.text("#role"), "ADFS-Production");
  assert.equal(await paula.text("#account"), "123456789012");

  await paula.page.getByRole("radio", { name: "JSON", exact: true }).check({ force: true });
  await paula.page.locator("#copy").click();
  await paula.page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("SessionToken"));
  await writeFile(sites.aws.copied, await paula.page.evaluate(() => navigator.clipboard.readText()));

  // STS is not ours to ask whose credentials these are: no ping.
  assert.equal(await paula.page.getByRole("button", { name: "Ping" }).isVisible(), false);
  await paula.leavesNothingBehind();
});

test("Dev is refused, and whom STS does not trust is told so with a reference", async () => {
  const dev = await Visitor.of(browser, sites.aws);
  await dev.signIn("dev");
  await dev.heading("Access is not allowed");
  await dev.leavesNothingBehind({ statuses: [403] });

  const ada = await Visitor.of(browser, sites.aws);
  await ada.signIn("ada");
  await ada.page.locator("main code", { hasText: "sts_not_trusted" }).waitFor();
  assert.match(await ada.text(".reference"), /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  await ada.leavesNothingBehind({ statuses: [502] });
});
