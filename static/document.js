// The document: its elements, which section of it is shown, and what a screen reader hears.

import { t } from "./words.js";

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export const element = (id) => /** @type {T} */ (document.getElementById(id));

/** What a screen reader hears. @param {string} text */
export function say(text) {
  element("status").textContent = text;
}

const SECTIONS = ["working", "sign-in", "choose", "give", "handed", "asked", "signed-in", "ended"];

/**
 * Shows one section. Whoever was waiting for it is led to its heading.
 * @param {string} id
 * @param {boolean} [lead]
 */
export function show(id, lead = true) {
  for (const section of SECTIONS) {
    element(section).hidden = section !== id;
  }
  const heading = element(id).querySelector("h1");
  document.title = `${heading?.textContent} · Vestibule`;
  if (lead) {
    heading?.focus();
  }
}

/**
 * @param {number} current Which of the three steps it is.
 * @param {"current" | "done" | "failed"} [outcome] And how that one is.
 */
export function progress(current, outcome = "current") {
  document.querySelectorAll(".steps li").forEach((item, index) => {
    item.className = index < current ? "done" : index === current ? outcome : "";
    item.setAttribute("aria-current", index === current ? "step" : "false");
    const told = { done: t(": done"), failed: t(": failed") }[item.className] ?? "";
    /** @type {Element} */ (item.lastElementChild).textContent = told;
  });
}

/**
 * @param {string} name Of the element.
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} content
 */
export function make(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  made.append(...content);
  return made;
}

/** An ARN or an IP address, which breaks between its parts where it is too long. @param {string} text */
export const breakable = (text) => text.split(/(?<=[:/])/).flatMap((part) => [part, make("wbr")]);

/** What refers to elements by their ids, and what groups radio buttons. */
const REFERENCES = ["for", "aria-controls", "aria-labelledby", "aria-describedby", "name"];

/**
 * A copy of a template. The ids in it belong to the copy: each but the first has a number behind.
 * @param {string} id
 * @param {number} number
 */
export function stamp(id, number) {
  /** @type {HTMLTemplateElement} */
  const template = element(id);
  const root = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const behind = number === 0 ? "" : `-${number}`;
  /** @type {Map<string, HTMLElement>} */
  const named = new Map();
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[id]"))) {
    named.set(each.id, each);
    each.id += behind;
  }
  for (const attribute of REFERENCES) {
    for (const each of root.querySelectorAll(`[${attribute}]`)) {
      each.setAttribute(attribute, each.getAttribute(attribute) + behind);
    }
  }
  /** @type {<T extends HTMLElement = HTMLElement>(name: string) => T} */
  const part = (name) => /** @type {any} */ (named.get(name));
  return { root, part };
}
