// `binding = "sealed"`: only the tab that waits opens what comes. By a service that `jose` plays.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { copyKey, gone, holding, withProfile } from "./profile.js";
import { FakeSealed, seal } from "./sealed.js";
import { Visitor, launch, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const strangers = () => generateKeyPairSync("x25519").publicKey.export({ format: "jwk" }).x;

/** What WebCrypto was asked for: what may be exported, and how often a key agreed. */
function watch() {
  const { generateKey, deriveBits } = SubtleCrypto.prototype;
  Object.assign(globalThis, { made: [], agreed: 0 });
  SubtleCrypto.prototype.generateKey = async function (algorithm, extractable, uses) {
    globalThis.made.push([algorithm, extractable, ...uses]);
    return generateKey.call(this, algorithm, extractable, uses);
  };
  SubtleCrypto.prototype.deriveBits = function (...words) {
    globalThis.agreed += 1;
    return deriveBits.apply(this, words);
  };
}

async function person(options = {}, watched = watch) {
  const paula = await Visitor.of(browser, sites.demo);
  const fake = new FakeSealed(paula.home, options);
  await fake.play(paula.context);
  await paula.page.addInitScript(watched);
  await paula.page.goto(paula.home);
  return { paula, fake };
}

const signIn = ({ page }) => page.getByRole("button", { name: "Sign in with SSP" }).click();
const agreed = ({ page }) => page.evaluate(() => Reflect.get(globalThis, "agreed"));
const keysKept = ({ page }) =>
  page.evaluate(async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === "vestibule")) return [];
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open("vestibule");
      opening.onsuccess = () => resolve(opening.result);
    });
    const asked = database.transaction("keys").objectStore("keys").getAllKeys();
    await new Promise((resolve) => (asked.onsuccess = resolve));
    database.close();
    return asked.result;
  });

test("a sealed login: the key is this tab's, and is gone when all was taken", async () => {
  const { paula, fake } = await person();
  fake.holds = true;
  await signIn(paula);
  await paula.page.waitForURL("**/saml/login?**");
  assert.deepEqual(fake.logins, [{ relayState: `${fake.session}##${fake.x}`, type: "application/x-www-form-urlencoded;charset=UTF-8", origin: new URL(paula.home).origin }]);
  assert.match(fake.session, /^[\w-]{22}$/);
  assert.match(fake.x, /^[\w-]{43}$/);
  assert.equal(fake.started.get("permit"), "permit-1");
  await paula.page.goto(`${paula.home}favicon.svg`);
  assert.deepEqual((await keysKept(paula)).map((name) => name.split(" ")[1]), [fake.session], "meanwhile it waits");
  await paula.page.goto(fake.location);
  await paula.heading("You are signed in");
  assert.equal(paula.page.url(), paula.home, "the ticket is out of the address");
  assert.deepEqual(fake.asked, [{ authorization: "Bearer the.opened.ticket", verifier: undefined }]);
  assert.deepEqual(await keysKept(paula), []);
  const kept = await paula.page.evaluate(() => Object.keys(sessionStorage));
  assert.ok(!kept.includes("vestibule.sealed") && !kept.includes("vestibule.login"), kept.join());
  await paula.leavesNothingBehind();
});

test("a key that a script could read is never made", async () => {
  const { paula, fake } = await person();
  fake.holds = true;
  await paula.page.getByRole("button", { name: "Sign in with SSP" }).waitFor();
  const made = await paula.page.evaluate(async () => {
    const { start } = await import(`${location.origin}/vestibule.js`);
    start();
    while (Reflect.get(globalThis, "made").length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return Reflect.get(globalThis, "made");
  });
  assert.deepEqual(made, [["X25519", false, "deriveBits"]]);
  await paula.close();
});

test("several tabs at once have a key each, and old keys go", async () => {
  const { paula, fake } = await person();
  fake.holds = true;
  const sessions = [];
  for (const page of [paula.page, await paula.context.newPage()]) {
    await page.goto(paula.home);
    await page.getByRole("button", { name: "Sign in with SSP" }).click();
    await page.waitForURL("**/saml/login?**");
    sessions.push([page, fake.session, fake.x, fake.location]);
  }
  const [[first, , , one], [second, , , two]] = sessions;
  for (const [page, session, x, location] of [sessions[1], sessions[0]]) {
    [fake.session, fake.x] = [session, x];
    await page.goto(location);
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  }
  assert.notEqual(one, two);
  assert.notEqual(first, second);
  assert.deepEqual(await keysKept(paula), []);

  // One that was left behind, and one that may still be answered.
  await paula.page.evaluate(async () => {
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open("vestibule", 1);
      opening.onsuccess = () => resolve(opening.result);
    });
    const put = database.transaction("keys", "readwrite").objectStore("keys");
    for (const minutes of [66, 9]) put.put({}, `${new Date(Date.now() - minutes * 60_000).toISOString()} after-${minutes}`);
    await new Promise((resolve) => (put.transaction.oncomplete = resolve));
    database.close();
  });
  await paula.page.getByRole("button", { name: "Sign in again" }).click();
  await paula.page.waitForURL("**/saml/login?**");
  await paula.page.goto(`${paula.home}favicon.svg`);
  assert.deepEqual((await keysKept(paula)).map((name) => name.split(" ")[1]), ["after-9", fake.session]);
  await paula.leavesNothingBehind();
});

test("attack: what is sealed for another", async () => {
  const other = "o".repeat(22);
  const plain = async () => "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0.c2ln";
  for (const [what, ticketFor, code, agreements] of [
    ["for another key", (session) => seal("the.opened.ticket", strangers(), { apv: session }), "seal_broken", 1],
    ["for this key, and another session", (_, x) => seal("the.opened.ticket", x, { apv: other }), "sealed_for_another", 0],
    ["for this key and no session", (_, x) => seal("the.opened.ticket", x, { apv: "" }), "sealed_for_another", 0],
    ["not sealed", plain, "sealed_for_another", 0],
    ["in another way", async (session, x) => (await seal("t", x, { apv: session })).replace(/^[^.]+/, (head) => Buffer.from(Buffer.from(head, "base64url").toString().replace("A256GCM", "A128GCM")).toString("base64url")), "seal_broken", 0],
    ["with a tag cut short", async (session, x) => (await seal("t", x, { apv: session })).slice(0, -6), "seal_broken", 0],
    ["with more behind", async (session, x) => `${await seal("t", x, { apv: session })}.e30`, "seal_broken", 0],
    ["changed", async (session, x) => (await seal("the.opened.ticket", x, { apv: session })).replace(/\.([\w-])([\w-]+)\.([\w-]+)$/, (_, a, b, tag) => `.${a === "A" ? "B" : "A"}${b}.${tag}`), "seal_broken", 1],
  ]) {
    const { paula, fake } = await person({ ticketFor });
    await signIn(paula);
    await paula.page.locator("#ended").waitFor();
    assert.equal(await paula.text("#code"), code, what);
    assert.deepEqual(fake.asked, [], `${what}: nothing was asked for`);
    assert.equal(await agreed(paula), agreements, what);
    assert.deepEqual(await keysKept(paula), [], what);
    await paula.close();
  }
});

test("attack: an answer that is sealed for another, or not at all", async () => {
  for (const [what, answerFor, code] of [
    ["for another session", (_, x) => seal("{}", x, { apv: "o".repeat(22), cty: "json" }), "sealed_for_another"],
    ["for another key", (session) => seal("{}", strangers(), { apv: session, cty: "json" }), "seal_broken"],
    ["not at all", async () => undefined, "sealed_for_another"],
  ]) {
    const { paula } = await person({ answerFor });
    await signIn(paula);
    await paula.page.locator("#ended").waitFor();
    assert.equal(await paula.text("#code"), code, what);
    await paula.close();
  }
});

test("attack: a stolen sealed ticket in another tab, or another browser", async () => {
  const { paula, fake } = await person();
  fake.holds = true;
  await signIn(paula);
  await paula.page.waitForURL("**/saml/login?**");
  const thief = await Visitor.of(browser, sites.demo);
  await fake.play(thief.context);
  for (const page of [await paula.context.newPage(), thief.page]) {
    await page.goto(fake.location);
    await page.getByRole("heading", { name: "This tab cannot use this ticket" }).waitFor();
    assert.equal(await page.locator("#code").innerText(), "verifier_lost");
  }
  assert.deepEqual(fake.asked, []);
  // And whoever it is for still gets it.
  await paula.page.goto(fake.location);
  await paula.heading("You are signed in");
  await thief.close();
  await paula.close();
});

test("a lost answer: the key waits for the next try", async () => {
  const { paula, fake } = await person();
  await paula.context.route("**/saml", (route) => route.abort("connectionrefused"), { times: 1 });
  await signIn(paula);
  await paula.heading("No connection");
  assert.equal((await keysKept(paula)).length, 1);
  await paula.page.getByRole("button", { name: "Try again" }).click();
  await paula.heading("You are signed in");
  assert.equal(fake.asked.length, 1);
  assert.deepEqual(await keysKept(paula), []);
  await paula.leavesNothingBehind({ failures: 1 });
});

test("a browser that makes no such key, and one that keeps none", async () => {
  const old = () => {
    SubtleCrypto.prototype.generateKey = async () => {
      throw new DOMException("Unrecognized name.", "NotSupportedError");
    };
  };
  const blocked = () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("denied", "SecurityError");
    };
  };
  for (const [watched, code, sentence] of [
    [old, "browser_too_old", /cannot make the key/],
    [blocked, "key_not_kept", /does not let this page keep the key/],
  ]) {
    const { paula, fake } = await person({}, watched);
    await signIn(paula);
    await paula.heading("Your browser is in the way");
    assert.equal(await paula.text("#code"), code);
    assert.match(await paula.text("#ended-sentence"), sentence);
    assert.deepEqual(fake.logins, []);
    await paula.inspect(code);
    await paula.leavesNothingBehind();
  }
});

test("attack: whoever has all files of the browser's profile after a sealed login has no key", async () => {
  await withProfile(sites.demo, async (paula, profile) => {
    const fake = new FakeSealed(paula.home);
    fake.holds = true;
    await fake.play(paula.context);
    const copy = await copyKey(paula.page);
    await paula.page.goto(paula.home);
    await signIn(paula);
    await paula.page.waitForURL("**/saml/login?**");
    const key = Buffer.from(copy.d, "base64url");
    assert.equal(key.length, 32);
    const files = () => holding([profile], [key, copy.d]);
    assert.notDeepEqual(await files(), [], "while the person is away it is there");
    await paula.page.goto(fake.location);
    await paula.heading("You are signed in");
    await gone([profile], [key, copy.d]);
    assert.deepEqual(await files(), [], "and then it is not");
    await paula.context.close();
    assert.deepEqual(await files(), [], "nor when the browser was closed");
  });
});
