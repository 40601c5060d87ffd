// The AWS console, where what is handed over is sealed: the real service, SimpleSAMLphp, a strict
// STS, and stand-ins for AWS's federation endpoint and console. A ticket for one role is in a query.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Shell } from "./command.js";
import { Visitor, answers, assertNotLogged, enter, launch, sites } from "./support.js";

/** Not the one that is taken before, and would stand first. */
const ENGINEER = "arn:aws:iam::111122223301:role/team/Engineer-02";

let browser;
let shell;
before(async () => {
  browser = await launch();
  shell = await Shell.of(sites.console);
});
after(async () => {
  await browser.close();
  await shell.close();
});

/** Somebody for whom AWS's console is there. */
async function visitor() {
  const person = await Visitor.of(browser, sites.console);
  await person.context.route(/^https:\/\/([\w-]+\.)?console\.aws\.amazon\.com\//, (route) => route.fulfill({ contentType: "text/html", body: "<title>Console</title>" }));
  return person;
}

/** Opens what the card has, and where the browser then came by. */
async function openConsole(person) {
  const opened = person.context.waitForEvent("page");
  await person.page.getByRole("button", { name: "Open the AWS console" }).click();
  const page = await opened;
  await page.waitForURL("https://*.amazon.com/**");
  const asked = person.requests.map((request) => request.url()).filter((url) => url.startsWith(sites.console.federation));
  return { url: page.url(), asked };
}

test("sealed: a role is chosen for the console, and the browser is signed in there", async () => {
  const hanna = await visitor();
  const taken = answers(hanna);
  await hanna.page.goto(hanna.home);
  await hanna.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await enter(hanna, "hanna");
  await hanna.heading("Choose a role");
  await hanna.page.locator("#destination").selectOption({ index: 1 });
  await hanna.page.locator("#search").fill("engineer-03");
  await hanna.page.keyboard.press("Alt+Enter");
  await hanna.heading("You are signed in");
  const [answer, ...more] = await Promise.all(taken);
  assert.deepEqual([Object.keys(answer), more], [["jwe"], []], "nothing that the way to here could read");
  const { url, asked } = await openConsole(hanna);
  assert.equal(url, "https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters");
  assert.equal(asked.length, 1);
  assert.equal(new URL(asked[0]).searchParams.get("Action"), "login");
  assert.ok(!(await hanna.page.content()).includes("SigninToken"), "the address is in no attribute and no text");
  await assertNotLogged(sites.console, hanna.tickets);
  await hanna.close();
});

test("sealed: a ticket that comes in the query leaves it, and takes once", async () => {
  const olaf = await visitor();
  const taken = answers(olaf);
  await olaf.page.goto(`${olaf.home}?team=tides#today`);
  await olaf.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await enter(olaf, "olaf");
  await olaf.heading("You are signed in");
  assert.match(await olaf.text("#role"), /Engineer-02/);
  assert.equal(olaf.page.url(), `${olaf.home}?team=tides#today`, "back where it began, without the ticket");
  const arrived = olaf.requests.map((request) => new URL(request.url())).filter(({ searchParams }) => searchParams.has("jwt"));
  assert.deepEqual(arrived.map(({ searchParams }) => searchParams.get("jwt")), [olaf.ticket], "it was in a query");
  assert.equal(olaf.ticket.split(".").length, 5, "sealed");
  const [answer] = await Promise.all(taken);
  assert.deepEqual(Object.keys(answer), ["jwe"]);
  await assertNotLogged(sites.console, olaf.tickets);
  await olaf.page.goto(`${olaf.home}?jwt=${olaf.ticket}`);
  await olaf.heading("This sign-in is over");
  assert.equal(olaf.page.url(), olaf.home);
  await olaf.close();
});

test("vestibule console: the role by its name, one key, and the browser is signed in there", async () => {
  const command = shell.run("console", "--role", ENGINEER);
  const hanna = await visitor();
  await hanna.page.goto(await command.address());
  assert.equal(await command.ended, 0, command.said.stderr);
  await enter(hanna, "hanna");
  await hanna.heading("Choose a role");
  assert.match(await hanna.text("[role=row].current"), /Engineer-02/);
  await hanna.page.keyboard.press("Enter");
  const { url, asked } = await openConsole(hanna);
  assert.equal(url, "https://console.aws.amazon.com/");
  assert.equal(asked.length, 1);
  await hanna.close();
});

test("vestibule console --no-browser: the address alone, and who has one role is asked nothing", async () => {
  const command = shell.run("console", "--no-browser");
  assert.equal(await command.ended, 0, command.said.stderr);
  const olaf = await visitor();
  await olaf.page.goto(command.said.stdout.trim());
  await enter(olaf, "olaf");
  await olaf.heading("You are signed in");
  const { url } = await openConsole(olaf);
  assert.equal(url, "https://console.aws.amazon.com/");
  await olaf.close();
});
