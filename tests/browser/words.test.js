// The page's words: each is in the table, in each language.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../static");
const read = (name) => readFile(path.join(root, name), "utf8");
const words = JSON.parse(await read("words.json"));
const html = (await read("index.html")).replace(/^[^]*<body>/, "").replace(/<!--[^]*?-->/g, "");
const code = async (name) => (await read(name)).replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
const NAMED = ["page.js", "document.js", "cards.js", "chooser.js", "rows.js", "failures.js", "formats.js", "errand.js", "shell.js"];
const scripts = Object.fromEntries(await Promise.all(NAMED.map(async (name) => [name, await code(name)])));

const LITERAL = /"((?:[^"\\\n]|\\.)*)"/g;
const literals = (text) => Array.from(text.matchAll(LITERAL), ([, found]) => JSON.parse(`"${found}"`));
const placeholders = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();

/** Texts of the document with what marks the element around each: names need no mark. */
const NAMES = ["Vestibule", "bash", "PowerShell", "JSON", "credential_process", "Ping"];
function texts() {
  const found = [];
  const open = [];
  for (const [, tag, text] of html.replace(/<noscript>[^]*?<\/noscript>/, "").matchAll(/<([^>]+)>|([^<]+)/g)) {
    if (tag?.startsWith("/")) open.pop();
    else if (tag) {
      const label = tag.match(/aria-label="([^"]+)"/)?.[1];
      if (label) found.push({ text: label, marked: / data-t-label\b/.test(tag) });
      if (/ data-t[ >]| data-t$/.test(tag)) found.push({ element: tag, marked: true, text: "" });
      if (!/^(img|input|br|meta|link)\b/.test(tag)) open.push(tag);
    } else if (text.trim() !== "") {
      found.push({ text: text.replace(/\s+/g, " ").trim(), marked: / data-t( |$)/.test(open.at(-1) ?? "") });
    }
  }
  return found.filter(({ text }) => text !== "");
}

function wanted(scripts, vestibule) {
  const said = Object.values(scripts).flatMap((text) => Array.from(text.matchAll(/\bt\(("(?:[^"\\\n]|\\.)*")/g), ([, found]) => JSON.parse(found)));
  const sentences = Array.from(vestibule.matchAll(/new VestibuleError\(([^;]*)\);/g)).flatMap(([, of]) => literals(of).filter((text) => text.includes(" ")));
  const marked = texts().flatMap(({ text, marked }) => (marked ? [text] : []));
  assert.ok(said.length > 40 && sentences.length >= 10 && marked.length > 25, "are they still found?");
  return new Set([...said, ...sentences, ...marked]);
}

test("each text for people is in German and French, with the same values", async () => {
  for (const text of wanted(scripts, await code("vestibule.js"))) {
    for (const language of ["de", "fr"]) {
      const translated = words[text]?.[language];
      assert.ok(translated, `no ${language}: ${text}`);
      assert.equal(placeholders(translated), placeholders(text), text);
      assert.equal(/[.!?]$/.test(translated), /[.!?]$/.test(text), `ends otherwise: ${text}`);
    }
  }
});

test("no line of French begins with a sign that belongs to the line before", () => {
  for (const [text, { fr }] of Object.entries(words)) assert.doesNotMatch(fr, / [?!:;»]|« /, text);
});

test("the table is sorted, so that two of them can be merged", async () => {
  const sorted = Object.fromEntries(Object.entries(words).sort(([a], [b]) => (a < b ? -1 : 1)));
  assert.equal(await read("words.json"), `${JSON.stringify(sorted, null, 1)}\n`);
});

test("no text of the document is without its mark", () => {
  assert.deepEqual(texts().filter(({ text, marked }) => !marked && !NAMES.includes(text)), []);
  const [noscript] = html.match(/<noscript>[^]*?<\/noscript>/) ?? [""];
  for (const language of ["de", "fr"]) assert.ok(noscript.includes(`lang="${language}"`), language);
});

test("no text for people stands in the scripts outside of t()", () => {
  // What programs read: an answer's word, names of keys, and what terminals take.
  const PROGRAMS = [".steps li", "Enter", "head refused", "button plain", "role refused", "fieldset :checked", "#cards fieldset :checked", "ConsoleUrl", "Success", "VestibuleError"];
  for (const [name, text] of Object.entries(scripts)) {
    const rest = text.replace(/\bt\("(?:[^"\\\n]|\\.)*"/g, "t(").replace(/^import .*$/gm, "");
    const people = (literal) => /^[A-Z][a-z]|[a-z]{2,}[ ,.…] ?[a-z]|[a-z][.…!?]$/i.test(literal) && /[a-z]{2} |^[A-Z][a-z]|[a-z][.…!?]$/.test(literal);
    assert.deepEqual(literals(rest).filter((each) => people(each) && !PROGRAMS.includes(each)), [], name);
    const templates = Array.from(rest.matchAll(/`([^`]*)`/g), ([, found]) => found.replace(/\$\{[^}]*\}/g, ""));
    const speaking = templates.filter((each) => people(each.trim()) && !/^ ?export |^fieldset |^\$Env|^# Expires |^ · Vestibule|^\w+ = /.test(each));
    assert.deepEqual(speaking, [], name);
  }
});
