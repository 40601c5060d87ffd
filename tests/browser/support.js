// The person's browser, and what it must never show.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createServer, request as ask } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.join(here, "../..");
export const sites = JSON.parse(process.env.SITES ?? "null");
assert.ok(sites, "started by `cargo test --test browser`, which starts the servers too");
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = path.join(root, "target/screenshots");

export const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(
    " ",
  );

export function launch() {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
}

/** Somebody with a browser of their own, watched. */
export class Visitor {
  static async of(browser, site, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
    return new Visitor(site, context, await context.newPage());
  }

  constructor(site, context, page) {
    this.site = site;
    this.context = context;
    this.page = page;
    this.home = site.page ?? `${site.url}/`;
    this.requests = [];
    this.tickets = new Set();
    this.console = [];
    context.on("request", (request) => this.requests.push(request));
    context.on("response", async (response) => {
      const location = await response.headerValue("location").catch(() => null);
      const ticket = location?.match(/[#?&](?:jwt|choice)=([^&#]+)/)?.[1];
      if (ticket) this.tickets.add(ticket);
    });
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.console.push(message.text());
    });
    context.on("weberror", (error) => this.console.push(String(error.error())));
  }

  /** Goes to the page and signs in there, as far as the identity provider gets. */
  async signIn(account, idp = "ADFS") {
    await this.page.goto(this.home);
    await this.leave(account, idp);
  }

  async leave(account, idp = "ADFS") {
    await this.page.getByRole("button", { name: `Sign in with ${idp}`, exact: true }).click();
    await this.choose(account);
  }

  async choose(account) {
    await this.page.locator(`button[name=person][value="${account}"]`).click();
  }

  heading(text) {
    return this.page.getByRole("heading", { level: 1, name: text }).waitFor();
  }

  get ticket() {
    return [...this.tickets].at(-1);
  }

  /** What is seen: a hidden element has an innerText too. */
  async text(selector) {
    const element = this.page.locator(selector);
    assert.ok(await element.isVisible(), `${selector} is not seen`);
    return element.innerText();
  }

  /** How much the page has moved under the person's eyes. */
  async shift() {
    return this.page.evaluate(
      () =>
        new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(sum), 100);
        }),
    );
  }

  /** Nothing for axe to find, in both colours, wide and narrow; pictures of all four. */
  async inspect(name) {
    assert.ok((await this.shift()) < 0.01, `${name} moves`);
    await mkdir(shots, { recursive: true });
    const size = this.page.viewportSize();
    for (const colorScheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const [width, height] of [
        [1100, 900],
        [390, 844],
        [320, 640],
      ]) {
        await this.page.setViewportSize({ width, height });
        const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${name} is ${wide} pixels too wide at ${width}`);
        if (width === 320) continue;
        const violations = await this.audit();
        assert.deepEqual(violations, [], `${name}, ${colorScheme}, ${width}`);
        const file = `${name}-${colorScheme}-${width > 1000 ? "wide" : "narrow"}.png`;
        await this.page.screenshot({ path: path.join(shots, file), fullPage: true });
      }
    }
    await this.page.emulateMedia({ colorScheme: null, reducedMotion: null });
    await this.page.setViewportSize(size);
  }

  /** What axe finds. Of hundreds of rows some of each group, unless all are wanted: they take seconds. */
  async audit(rows = "some") {
    await this.page.evaluate(axe);
    return this.page.evaluate(async (rows) => {
      const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
      const { violations } = await globalThis.axe.run(rows === "all" ? document : { exclude: [".role:nth-child(n + 6)"] }, { runOnly: tags });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" | ")}`);
    }, rows);
  }

  /**
   * At the end of every test: nothing complained (but the statuses that were
   * wanted), nobody else was asked, and the ticket is nowhere.
   */
  async leavesNothingBehind({ statuses = [], failures = 0 } = {}) {
    const expected = (line) => statuses.some((status) => line.includes(`status of ${status} `));
    const lines = this.console.filter((line) => !expected(line));
    const failed = lines.filter((line) => line.includes("net::ERR_"));
    assert.equal(failed.length, failures, failed.join("\n"));
    assert.deepEqual(lines.filter((line) => !failed.includes(line)), [], "the console is quiet");

    for (const request of this.requests) {
      const url = new URL(request.url());
      assert.equal(url.hostname, "127.0.0.1", `${url} is nobody of ours`);
      const headers = await request.allHeaders();
      for (const ticket of this.tickets) {
        assert.ok(!url.search.includes(ticket), `in a query: ${url.pathname}`);
        assert.ok(!headers.referer?.includes("jwt"), `in a referrer: ${headers.referer}`);
        assert.ok(!request.postData()?.includes(ticket), `in a body: ${url.pathname}`);
      }
    }
    for (const page of this.context.pages()) {
      assert.ok(!page.url().includes("jwt"), page.url());
      const session = await this.context.newCDPSession(page);
      const { entries } = await session.send("Page.getNavigationHistory");
      const found = entries.map(({ url }) => url).filter((url) => url.includes("jwt="));
      assert.deepEqual(found, [], "in the tab's history");
      const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, document.cookie]));
      assert.equal(kept, '[{},""]', "nothing outlives the tab");
    }
    await assertNotLogged(this.site, this.tickets);
    await this.close();
  }

  /**
   * Chromium says that it has closed a page that was on its way to another, and does not close
   * it: whoever waits for that waits for ever (microsoft/playwright#42366). So nobody is.
   */
  async close() {
    for (const page of this.context.pages()) {
      // Where the page arrives elsewhere first, this fails, and the next one does not.
      const leave = () => page.goto("about:blank").then(() => true, () => false);
      for (let tries = 0; tries < 10 && !(await leave()); tries += 1);
    }
    await this.context.close();
  }
}

/**
 * Nothing for axe to find, and pictures: light, dark, and in forced colours, at 1,600 and 390
 * pixels. Axe knows nothing of forced colours: it looks at each width in one of the colours.
 */
export async function look(anna, name) {
  await mkdir(shots, { recursive: true });
  const size = anna.page.viewportSize();
  for (const forcedColors of ["none", "active"]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1600, 390, 320]) {
        await anna.page.emulateMedia({ colorScheme, forcedColors, reducedMotion: "reduce" });
        await anna.page.setViewportSize({ width, height: width === 1600 ? 1000 : 844 });
        const over = await anna.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${name} is ${over} pixels too wide at ${width}`);
        if (width === 320) continue;
        const audited = forcedColors === "none" && (width === 1600) === (colorScheme === "light");
        if (audited) assert.deepEqual(await anna.audit(), [], `${name}, ${colorScheme}, ${width}`);
        const kind = forcedColors === "active" ? "-forced" : "";
        const fullPage = await anna.page.evaluate(() => document.documentElement.scrollHeight < 2_500);
        await anna.page.screenshot({ path: path.join(shots, `${name}-${colorScheme}${kind}-${width}.png`), fullPage });
      }
    }
  }
  await anna.page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: null });
  await anna.page.setViewportSize(size);
}

/** At SimpleSAMLphp, where everybody's password is the name. */
export async function enter({ page }, name) {
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[name=password]").fill(name);
  await page.locator("input[name=password]").press("Enter");
}

/** What is answered to the takes from now on. */
export function answers({ context }) {
  const all = [];
  context.on("response", (response) => {
    if (response.request().method() === "GET" && new URL(response.url()).pathname === "/saml") all.push(response.json().catch(() => null));
  });
  return all;
}

/** Not even in parts: a ticket without its signature says who signed in. */
export async function assertNotLogged(site, tickets) {
  const log = await readFile(site.log, "utf8");
  for (const ticket of tickets) {
    for (const part of ticket.split(".").slice(1).filter((part) => part !== "")) {
      assert.ok(!log.includes(part), "a ticket in the log");
    }
  }
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml" };

/**
 * A dumb server of files, as a bucket is: `@VESTIBULE@` in them becomes the site's address.
 * Every path without an extension is the page, as where a script shows what the path names.
 */
export async function serveFiles(site, directory) {
  const { port, pathname: prefix } = new URL(site.page);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", site.page);
    const name = path.extname(pathname) === "" ? "index.html" : path.posix.relative(prefix, pathname);
    const type = TYPES[path.extname(name)];
    try {
      assert.ok(type && !name.startsWith(".."));
      const text = await readFile(path.join(directory, name), "utf8");
      response.writeHead(200, { "content-type": type, "cache-control": "no-cache" });
      response.end(text.replaceAll("@VESTIBULE@", site.url).replace('name="vestibule" content=""', `name="vestibule" content="${site.url}"`));
    } catch {
      response.writeHead(404, { "content-type": "text/plain" }).end("no such file");
    }
  });
  await new Promise((resolve) => server.listen(Number(port), "127.0.0.1", () => resolve(undefined)));
  return server;
}

/** What stands before an API in a cloud: it asks the API by the API's own name. */
export async function serveGateway(site, name) {
  const server = createServer((request, response) => {
    const headers = { ...request.headers, host: name };
    const onward = ask(new URL(request.url ?? "/", site.url), { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  const { port } = new URL(site.page);
  await new Promise((resolve) => server.listen(Number(port), "127.0.0.1", () => resolve(undefined)));
  return server;
}
