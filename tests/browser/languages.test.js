// The page in the person's language, and in colours of the person's own.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Visitor, launch, root, sites } from "./support.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const shots = path.join(root, "target/screenshots");
const LANGUAGES = {
  en: { locale: "en-GB", "sign-in": "Sign in to AWS", "signed-in": "You are signed in", ended: "Your credentials have expired", hide: "Hide", steps: "Progress" },
  de: { locale: "de-AT", "sign-in": "Bei AWS anmelden", "signed-in": "Sie sind angemeldet", ended: "Ihre Zugangsdaten sind abgelaufen", hide: "Verbergen", steps: "Fortschritt" },
  fr: { locale: "fr-CH", "sign-in": "Se connecter à AWS", "signed-in": "Vous êtes connecté", ended: "Vos identifiants ont expiré", hide: "Masquer", steps: "Progression" },
};

const KINDS = {
  1600: { forcedColors: "none", width: 1600 },
  forced: { forcedColors: "active", width: 900 },
  "forced-narrow": { forcedColors: "active", width: 390 },
};

/** Wide, and in forced colours. */
async function look(person, name) {
  await mkdir(shots, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const [kind, { forcedColors, width }] of Object.entries(KINDS)) {
      await person.page.emulateMedia({ colorScheme, forcedColors, reducedMotion: "reduce" });
      await person.page.setViewportSize({ width, height: 900 });
      await person.page.screenshot({ path: path.join(shots, `${name}-${colorScheme}-${kind}.png`), fullPage: true });
    }
  }
  await person.page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: null });
}

for (const [language, words] of Object.entries(LANGUAGES)) {
  test(`the page is in the browser's language: ${language}`, async () => {
    const conny = await Visitor.of(browser, sites.demo, { locale: words.locale });
    await conny.page.clock.install({ time: new Date() });
    await conny.page.goto(conny.home);
    await conny.heading(words["sign-in"]);
    assert.equal(await conny.page.locator("html").getAttribute("lang"), language);
    assert.equal(await conny.page.locator("#steps").getAttribute("aria-label"), words.steps);
    await conny.inspect(`${language}-sign-in`);
    await look(conny, `${language}-sign-in`);
    await conny.page.locator("#providers button").click();
    await conny.choose("conny-C");
    await conny.heading(words["signed-in"]);
    await conny.page.locator("#ping").click();
    await conny.page.getByText("assumed-role/ADFS-Production").waitFor();
    await conny.inspect(`${language}-signed-in`);
    await look(conny, `${language}-signed-in`);
    await conny.page.locator("#show").click();
    assert.equal(await conny.text("#show"), words.hide);
    await conny.page.clock.fastForward("15:10");
    await conny.heading(words.ended);
    await conny.inspect(`${language}-ended`);
    await look(conny, `${language}-ended`);
    const asked = conny.requests.some((request) => request.url().endsWith("/words.json"));
    assert.equal(asked, language !== "en");
    await conny.leavesNothingBehind();
  });
}

test("a language that the page does not have, and words that do not come: English", async () => {
  const spanish = await Visitor.of(browser, sites.demo, { locale: "es-ES" });
  await spanish.page.goto(spanish.home);
  await spanish.heading("Sign in to AWS");
  await spanish.leavesNothingBehind();
  const german = await Visitor.of(browser, sites.demo, { locale: "de-DE" });
  await german.page.route("**/words.json", (route) => route.fulfill({ status: 404, json: { error: "not_found" } }));
  await german.page.goto(german.home);
  await german.heading("Sign in to AWS");
  assert.equal(await german.page.locator("html").getAttribute("lang"), "en");
  await german.leavesNothingBehind({ statuses: [404] });
});

test("a role's name means nothing to an ini file or to a shell", async () => {
  const person = await Visitor.of(browser, sites.demo);
  await person.page.goto(person.home);
  const [profile, bash, powershell] = await person.page.evaluate(async () => {
    const { FORMATS } = await import("/formats.js");
    const c = {
      AccessKeyId: "A", SecretAccessKey: "S'; id #", SessionToken: "T", Expiration: "2026-11-23T10:00:00Z",
      role: "arn:aws:iam::123456789012:role/team/-x]\n[default]\n$(id)", account: "123456789012", user: "u",
    };
    return ["profile", "bash", "powershell"].map((name) => FORMATS[name].write(c, "eu\ncredential_process=id"));
  });
  assert.match(profile, /^\[x-default-id--123456789012\]\n/);
  assert.doesNotMatch(profile, /^\[default|^credential_process/m);
  assert.ok(bash.includes(`='S'\\''; id #'\n`));
  assert.ok(powershell.includes(`='S''; id #'\n`));
  await person.leavesNothingBehind();
});
