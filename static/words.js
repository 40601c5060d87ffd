// The page's words in the person's language. The English text is the key of
// `words.json`, and what is shown where there is no other.

/** The first of the browser's languages that the page has. */
const tag = navigator.languages.find((tag) => /^(en|de|fr)\b/i.test(tag)) ?? "en";

export const language = tag.slice(0, 2).toLowerCase();

/** For dates and times: with the country, where that is all there is beside the language. */
export const locale = /^[a-z]{2}(-[a-z]{2})?$/i.test(tag) ? tag : language;

/** The person is waiting: rather English now than German in half a minute. */
const PATIENCE_MS = 3_000;

/** @type {Record<string, Record<string, string>>} */
let table = {};

/** Gets the words of the language, if it is not English, and puts them into the document. */
export async function learn() {
  if (language === "en") {
    return;
  }
  try {
    const response = await fetch(new URL("words.json", import.meta.url), {
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!response.ok) {
      return;
    }
    table = await response.json();
  } catch {
    return;
  }
  document.documentElement.lang = language;
  for (const root of [document, ...Array.from(document.querySelectorAll("template"), ({ content }) => content)]) {
    for (const element of root.querySelectorAll("[data-t]")) {
      element.textContent = t((element.textContent ?? "").replace(/\s+/g, " ").trim());
    }
    for (const element of root.querySelectorAll("[data-t-label]")) {
      element.setAttribute("aria-label", t(element.getAttribute("aria-label") ?? ""));
    }
  }
}

/**
 * @param {string} text In English, with `{name}` for each value.
 * @param {Record<string, string | number>} [values]
 */
export function t(text, values = {}) {
  const words = table[text]?.[language] ?? text;
  return words.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
}
