// `binding = "sealed"`, and programs at a shell, at the real service and SimpleSAMLphp.

import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import path from "node:path";
import { after, before, test } from "node:test";
import { compactDecrypt, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK } from "jose";
import { copyKey, gone, holding, withProfile } from "./profile.js";
import { Visitor, answers, enter, launch, look, root, serveFiles, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const { url: service } = sites.sealed ?? { url: "" };
/** A click sooner is none. */
const ARMED_MS = 600;

async function signIn(visitor, name) {
  await visitor.page.goto(visitor.home);
  await visitor.page.getByRole("button", { name: "Sign in with SSP" }).click();
  await enter(visitor, name);
}

test("a sealed login at the real service: one role, and several", async () => {
  const olaf = await Visitor.of(browser, sites.sealed);
  const taken = answers(olaf);
  await signIn(olaf, "olaf");
  await olaf.heading("You are signed in");
  assert.match(await olaf.text("#role"), /Engineer-02/);
  const [answer] = await Promise.all(taken);
  assert.deepEqual(Object.keys(answer), ["jwe"]);
  const { alg, enc, epk } = decodeProtectedHeader(answer.jwe);
  assert.deepEqual([alg, enc, epk?.kty, epk?.crv], ["ECDH-ES", "A256GCM", "OKP", "X25519"]);
  for (const request of olaf.requests) assert.equal((await request.allHeaders())["vestibule-verifier"], undefined);
  // The provider has no favicon.
  await olaf.leavesNothingBehind({ statuses: [404] });

  const hanna = await Visitor.of(browser, sites.sealed);
  await signIn(hanna, "hanna");
  await hanna.heading("Choose a role");
  for (const words of ["plant 7 engineer-11", "plant 8 engineer-12"]) {
    await hanna.page.locator("#search").fill(words);
    await hanna.page.keyboard.press("ArrowDown");
    await hanna.page.keyboard.press("Home");
    await hanna.page.keyboard.press("Space");
  }
  await hanna.page.keyboard.press("Enter");
  await hanna.page.locator(".card").nth(1).waitFor();
  const text = await hanna.page.locator("main").innerText();
  assert.match(text, /Engineer-11[^]*Engineer-12|Engineer-12[^]*Engineer-11/);
  await hanna.leavesNothingBehind({ statuses: [404] });
});

test("a sealed login at a team's page, of another origin", async () => {
  const server = await serveFiles(sites.sealed_team, path.join(root, "static"));
  try {
    const hanna = await Visitor.of(browser, sites.sealed_team);
    await signIn(hanna, "hanna");
    await hanna.heading("Choose a role");
    await hanna.page.getByRole("gridcell", { name: /^Engineer-03 \/team\/ up to / }).click();
    await hanna.heading("You are signed in");
    assert.match(await hanna.text("#role"), /Engineer-03/);
    const permits = hanna.requests.filter((request) => request.method() === "POST" && new URL(request.url()).pathname === "/saml/login");
    assert.deepEqual(permits.map((request) => new URLSearchParams(request.postData() ?? "").get("page")), ["team"]);
    await hanna.leavesNothingBehind({ statuses: [404] });
  } finally {
    server.close();
  }
});

test("attack: a link with somebody's key, at the service and at the provider", async () => {
  const olaf = await Visitor.of(browser, sites.sealed);
  await signIn(olaf, "olaf");
  await olaf.heading("You are signed in");
  const { x } = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
  const planted = encodeURIComponent(`${randomBytes(16).toString("base64url")}##${x}`);
  const tickets = olaf.tickets.size;
  await olaf.page.goto(`${service}/saml/login?idp=SSP&RelayState=${planted}`);
  await olaf.page.getByText("start_elsewhere").waitFor();
  const origin = "https://evil.example";
  const asked = await fetch(`${service}/saml/login`, { method: "POST", headers: { origin, accept: "application/json", "content-type": "application/x-www-form-urlencoded" }, body: `RelayState=${planted}` });
  assert.deepEqual([asked.status, (await asked.json()).error, asked.headers.get("access-control-allow-origin")], [403, "start_elsewhere", null]);

  // Signed in at the company, a link to its provider is enough: it sends a response by itself.
  const provider = olaf.requests.map((request) => new URL(request.url())).find(({ origin, pathname }) => origin !== service && pathname.includes("/SSOService"));
  assert.ok(provider, "where the provider is");
  const link = `${provider.origin}${provider.pathname}?spentityid=${encodeURIComponent("urn:amazon:webservices")}&RelayState=${planted}`;
  await olaf.page.goto(link);
  await olaf.page.getByText(/not_started_here|idp_initiated_off/).waitFor();
  assert.equal(olaf.tickets.size, tickets, "no ticket was made");
  await olaf.close();
});

test("attack: whoever has the store, its keys, the log and the browser's profile after a sealed login opens nothing", async () => {
  await withProfile(sites.sealed, async (olaf, profile) => {
    const copy = await copyKey(olaf.page);
    const taken = answers(olaf);
    await signIn(olaf, "olaf");
    await olaf.heading("You are signed in");
    await olaf.page.getByRole("radio", { name: "JSON" }).check({ force: true });
    await olaf.page.getByRole("button", { name: "Show" }).click();
    const { SecretAccessKey, SessionToken } = JSON.parse(await olaf.text("#text"));
    const [{ jwe }] = await Promise.all(taken);
    const ticket = olaf.ticket;
    const own = Buffer.from(copy.d, "base64url");
    await gone([profile], [own, copy.d]);
    await olaf.close();
    const everything = [profile, sites.sealed.data];
    assert.notDeepEqual(await holding([sites.sealed.data], ["olaf@example.test", "Engineer-02"]), [], "it is the store, and the log");
    assert.notDeepEqual(await holding([profile], ["127.0.0.1"]), [], "there is a profile to look at");
    assert.equal(own.length, 32);
    assert.deepEqual(await holding(everything, [own, copy.d, SecretAccessKey, SessionToken]), []);
    // With that key it would be open, so it is the key that is missing.
    const key = await importJWK({ kty: "OKP", crv: "X25519", x: publicOf(copy.d), d: copy.d }, "ECDH-ES");
    const opened = async (text) => new TextDecoder().decode((await compactDecrypt(text, key)).plaintext);
    assert.equal(JSON.parse(await opened(jwe)).SecretAccessKey, SecretAccessKey);
    // And the ticket, which the history has, takes nothing more.
    const again = await fetch(`${service}/saml`, { headers: { authorization: `Bearer ${await opened(ticket)}` } });
    assert.deepEqual([again.status, (await again.json()).error], [404, "gone"]);
    const sealed = await fetch(`${service}/saml`, { headers: { authorization: `Bearer ${ticket}` } });
    assert.deepEqual([sealed.status, (await sealed.json()).error], [401, "ticket_malformed"]);
  });
});

/** The public half, by node's own crypto. */
function publicOf(d) {
  const prefix = Buffer.from("302e020100300506032b656e04220420", "hex");
  const secret = createPrivateKey({ key: Buffer.concat([prefix, Buffer.from(d, "base64url")]), format: "der", type: "pkcs8" });
  return createPublicKey(secret).export({ format: "jwk" }).x;
}

test("a shell on another device, at the real service", async () => {
  const state = randomBytes(16).toString("base64url");
  const { publicKey, privateKey } = await generateKeyPair("ECDH-ES", { crv: "X25519", extractable: true });
  const { x: key } = await exportJWK(publicKey);
  const asked = await (await fetch(`${service}/saml/shell`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key, state }) })).json();
  const hanna = await Visitor.of(browser, sites.sealed);
  await hanna.page.goto(`${asked.page}#shell=${asked.request}&role=${encodeURIComponent("arn:aws:iam::111122223307:role/team/Engineer-11")}`);
  await enter(hanna, "hanna");
  await hanna.heading("Give access to a program?");
  assert.match(await hanna.text("#give-facts"), /hanna@example\.test[^]*Engineer-11[^]*another device[^]*127\.0\.0\.1/);
  await look(hanna, "shell-another-real");
  await hanna.page.waitForTimeout(ARMED_MS);
  const number = createHash("sha256").update(`vestibule shell number${key}${state}`).digest().readUInt32BE() % 1_000_000;
  const typed = String(number).padStart(6, "0");
  await hanna.page.locator("#number").fill(typed === "000000" ? "111111" : "000000");
  await hanna.page.keyboard.press("Enter");
  await hanna.page.getByRole("alert").filter({ hasText: /number/ }).waitFor();
  await hanna.page.locator("#number").fill(`${typed.slice(0, 3)} ${typed.slice(3)}`);
  await hanna.page.waitForTimeout(ARMED_MS);
  await hanna.page.keyboard.press("Enter");
  await hanna.heading("Take this text to the program");
  const text = await hanna.text("#handed-text");
  const open = async (jwe) => new TextDecoder().decode((await compactDecrypt(jwe, privateKey)).plaintext);
  assert.equal(decodeProtectedHeader(text).apv, Buffer.from(state).toString("base64url"));
  const answer = await (await fetch(`${service}/saml`, { headers: { authorization: `Bearer ${await open(text)}` } })).json();
  assert.equal(JSON.parse(await open(answer.jwe)).role, "arn:aws:iam::111122223307:role/team/Engineer-11");
  await hanna.close();
});
