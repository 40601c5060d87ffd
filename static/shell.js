// A program on a computer that waits for roles: what the person confirms, and how it gets them.

import { breakable, element, make, progress, say, show } from "./document.js";
import { accountOf } from "./rows.js";
import { locale, t } from "./words.js";

/** @typedef {import("./chooser.js").Wish} Wish */
/** @typedef {import("./vestibule.js").Choice} Choice */
/** @typedef {import("./vestibule.js").Shell} Shell */
/** @typedef {{ give(wishes: Wish[]): void, others(): void, cancel(): void }} Deciding */

/** Nobody decides faster; but a second click, meant for another window, comes as fast as that. */
const ARMED_MS = 500;
/** A command on this computer waits for so long. */
const WAITS_MS = 5 * 60_000;
/** So long the text for another device can be used. */
const TEXT_MS = 5 * 60_000;

const typed = () => /** @type {HTMLInputElement} */ (element("number"));

/** @type {Wish[]} */
let wanted = [];
/** @type {Deciding | null} */
let deciding = null;
let armed = 0;
let ending = 0;

/** For which device. @param {Shell} shell */
export function deviceOf({ device, port }) {
  return device === "this_computer" ? t("a program on this computer, port {port}", { port: port ?? "?" }) : t("a program on another device");
}

/** How many roles it can have. @param {Shell} shell */
export const mostFor = ({ device }) => (device === "this_computer" ? 10 : 1);

/**
 * Asks the person: who, what, for whom.
 * @param {Choice} choice
 * @param {Wish[]} wishes
 * @param {string} note What else is to be said.
 * @param {Deciding} decided Hears of it.
 */
export function confirm(choice, wishes, note, decided) {
  const shell = /** @type {Shell} */ (choice.shell);
  const elsewhere = shell.device !== "this_computer";
  [wanted, deciding] = [wishes, decided];
  element("give-warning").hidden = !elsewhere;
  element("give-note").hidden = note === "";
  element("give-note").replaceChildren(...breakable(note));
  element("give-user").textContent = t("{user}, signed in with {name}", { user: choice.user, name: choice.idp });
  element("give-roles").replaceChildren(...wishes.map(({ offered }) => roleOf(offered)));
  element("give-device").textContent = deviceOf(shell);
  element("give-address").replaceChildren(...breakable(shell.address ?? t("an address that is not known")));
  const at = new Date(shell.at);
  const sameDay = at.toDateString() === new Date().toDateString();
  element("give-at").textContent = at.toLocaleString(locale, { timeStyle: "medium", ...(sameDay ? {} : { dateStyle: "medium" }) });
  element("give-at").setAttribute("datetime", shell.at);
  element("compare").hidden = elsewhere || !shell.number;
  element("give-number").textContent = shell.number ?? "";
  element("number-part").hidden = !elsewhere;
  element("give-waiting").hidden = elsewhere;
  element("give-others").hidden = choice.roles.filter(({ refused }) => !refused || refused.sign_in_at).length < 2;
  typed().value = "";
  progress(1);
  show("give", false);
  arm();
  showFault("");
}

/** Whoever gives to a program that has ended comes to an address where nothing answers. @param {Shell} shell */
export function showWaiting({ at, device }) {
  if (device !== "this_computer") {
    return;
  }
  const late = Date.now() - Date.parse(at) > WAITS_MS;
  const text = late
    ? t("The program asked more than five minutes ago. If it waits no longer, start it again.")
    : t("Your browser then goes to 127.0.0.1. That works only while the program still waits there.");
  // Each second: what is no news is not said again.
  if (element("give-waiting").textContent !== text) {
    element("give-waiting").classList.toggle("alert", late);
    element("give-waiting").textContent = text;
    if (late) {
      say(text);
    }
  }
}

/** @param {import("./vestibule.js").OfferedRole} offered */
function roleOf(offered) {
  const account = accountOf(offered);
  const number = account === offered.account ? [] : [" ", make("span", { class: "quiet" }, offered.account)];
  return make("li", {}, make("strong", {}, offered.name), " ", make("span", { class: "of" }, account, ...number));
}

/** What is wrong with the number, at its field. @param {string} fault */
export function showFault(fault) {
  show("give", false);
  element("number-fault").textContent = fault;
  typed().setAttribute("aria-invalid", String(fault !== ""));
  (element("number-part").hidden ? element("give-now") : typed()).focus();
}

/** What the person typed, if it is asked for. */
export const numberTyped = () => (element("number-part").hidden ? undefined : typed().value.replace(/\D/g, ""));

/** A click that comes with the view is none for it. */
function arm() {
  armed = performance.now() + ARMED_MS;
}

/**
 * Where the program listens; nowhere else on any account.
 * @param {string} redirect_uri
 * @param {string[][]} answer
 */
export function callbackOf(redirect_uri, answer) {
  const url = new URL(redirect_uri);
  if (url.protocol !== "http:" || !["127.0.0.1", "[::1]"].includes(url.hostname)) {
    throw new TypeError(redirect_uri);
  }
  url.search = new URLSearchParams(answer).toString();
  return url.href;
}

/**
 * The text that the person takes to the other device.
 * @param {string} ticket
 * @param {() => void} over Hears that it can be used no longer.
 */
export function showText(ticket, over) {
  element("handed-text").textContent = ticket;
  progress(2, "done");
  show("handed");
  clearTimeout(ending);
  ending = setTimeout(() => {
    if (!element("handed").hidden) {
      over();
    }
    closeShell();
  }, TEXT_MS);
}

/** What was shown is forgotten. */
export function closeShell() {
  clearTimeout(ending);
  [wanted, deciding] = [[], null];
  element("handed-text").textContent = "";
  element("give-roles").replaceChildren();
  typed().value = "";
}

async function copy() {
  try {
    await navigator.clipboard.writeText(element("handed-text").textContent ?? "");
  } catch {
    getSelection()?.selectAllChildren(element("handed-text"));
    element("handed-hint").textContent = t("Your browser does not let this page copy: press Ctrl C, or ⌘ C, yourself.");
    say(t("Not copied. The text is selected: copy it yourself."));
    return;
  }
  say(t("Copied."));
  element("copy-text").textContent = t("Copied");
  setTimeout(() => (element("copy-text").textContent = t("Copy")), 2000);
}

element("giving").addEventListener("submit", (event) => {
  event.preventDefault();
  if (performance.now() < armed || wanted.length === 0) {
    return;
  }
  const number = numberTyped();
  if (number !== undefined && number.length !== 6) {
    // Else the same fault again is no news, and a screen reader does not say it.
    element("number-fault").textContent = "";
    setTimeout(() => showFault(t("Type the six digits that the program shows.")));
    return;
  }
  deciding?.give(wanted);
});
// A key that is held down began before.
element("giving").addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault());
addEventListener("focus", arm);
element("give-others").addEventListener("click", () => deciding?.others());
element("cancel").addEventListener("click", () => deciding?.cancel());
element("copy-text").addEventListener("click", copy);
