// A browser that writes its profile to the disk: what its files have afterwards.

import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { FLAGS, Visitor } from "./support.js";

/** Somebody whose browser has this directory as its profile, until `visit` ends. */
export async function withProfile(site, visit) {
  const profile = await mkdtemp(path.join(os.tmpdir(), "vestibule-profile-"));
  try {
    const context = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", args: FLAGS });
    await visit(new Visitor(site, context, context.pages()[0] ?? (await context.newPage())), profile);
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

/**
 * Keeps a copy of the private key that a page makes (`d` of its JWK): to know what to look for.
 * The page's own cannot be read, as ever.
 */
export async function copyKey(page) {
  const copy = { d: "" };
  await page.exposeFunction("remember", (found) => (copy.d = found));
  await page.addInitScript(() => {
    const { generateKey } = SubtleCrypto.prototype;
    SubtleCrypto.prototype.generateKey = async function (algorithm, _, uses) {
      const { publicKey, privateKey } = await generateKey.call(this, algorithm, true, uses);
      const jwk = await crypto.subtle.exportKey("jwk", privateKey);
      await Reflect.get(globalThis, "remember")(jwk.d);
      return { publicKey, privateKey: await crypto.subtle.importKey("jwk", { ...jwk, ext: false }, algorithm, false, uses) };
    };
  });
  return copy;
}

/** The files below these directories that have one of these texts or bytes. */
export async function holding(directories, secrets) {
  const found = [];
  for (const directory of directories) {
    for (const file of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const name = path.join(file.parentPath ?? file.path, file.name);
      const content = await readFile(name).catch(() => Buffer.alloc(0));
      if (secrets.some((secret) => content.includes(secret))) found.push(name);
    }
  }
  return found;
}

/** Waits until none of these files has any of it: a browser removes what it kept a little later. */
export async function gone(directories, secrets) {
  for (let tries = 0; tries < 50 && (await holding(directories, secrets)).length > 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
