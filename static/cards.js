// What a login ended with, a card for each: credentials, a way into the console, or a failure.

import { say, stamp } from "./document.js";
import { FORMATS } from "./formats.js";
import { VestibuleError, ping } from "./vestibule.js";
import { locale, t } from "./words.js";

/** @typedef {import("./vestibule.js").Config} Config */
/** @typedef {import("./vestibule.js").Credentials} Credentials */
/** @typedef {import("./vestibule.js").ConsoleSignIn} ConsoleSignIn */

/**
 * `single` says whether it is the only one: several have titles. `mask` hides what must not
 * be seen, `forget` drops it, and `tick` is due each second: it says whether the card still
 * has something. `expires` says whether the person is told when it has not.
 * @typedef {{ root: HTMLElement, expires: boolean, single(is: boolean): void, mask(): void, forget(): void, tick(): boolean }} Card
 * @typedef {{ number: number, title?: string, accountName?: string }} Place
 */

const MASK = "•".repeat(16);
/** So long AWS takes the address of a console sign-in. */
const CONSOLE_MS = 15 * 60_000;

/**
 * Who, as what, and by which rule.
 * @param {ReturnType<typeof stamp>["part"]} part
 * @param {Credentials | ConsoleSignIn} received
 * @param {Place} place
 */
function writeFacts(part, received, { title, accountName }) {
  const [, role] = received.role.split(":role/");
  part("title").textContent = title ?? role ?? received.role;
  part("user").textContent = received.user;
  part("role").textContent = role ?? received.role;
  part("account").textContent = accountName ? `${accountName} ${received.account}` : received.account;
  // An earlier version of the service says neither.
  part("rule").textContent = received.rule ?? "";
  part("rule-part").hidden = !received.rule;
  part("limited").hidden = received.limited !== true;
}

/**
 * One heading for each of several, by which its buttons are told apart.
 * @param {ReturnType<typeof stamp>["part"]} part
 * @param {boolean} single
 * @param {string[]} buttons
 */
function setSingle(part, single, buttons) {
  part("title").hidden = single;
  part("user-part").hidden = !single;
  part("role-part").hidden = !single;
  for (const name of buttons) {
    part(name).setAttribute("aria-describedby", single ? "" : part("title").id);
  }
}

/**
 * @param {Credentials} received
 * @param {Config | null} config
 * @param {Place} place
 * @returns {Card}
 */
function credentialsCard(received, config, place) {
  const { root, part } = stamp("credentials-card", place.number);
  /** @type {Credentials | null} */
  let credentials = received;
  let masked = true;
  const began = Date.now();
  const ends = Date.parse(received.Expiration);
  const chosen = () => FORMATS[root.querySelector("fieldset :checked")?.getAttribute("value") ?? "bash"];

  function writeText() {
    if (credentials === null) {
      return;
    }
    const shown = masked ? { ...credentials, SecretAccessKey: MASK, SessionToken: MASK } : credentials;
    part("text").textContent = chosen().write(shown, config?.region);
    part("hint").textContent = chosen().hint(credentials);
  }

  /** @param {boolean} mask */
  function setMasked(mask) {
    masked = mask;
    part("show").textContent = mask ? t("Show") : t("Hide");
    writeText();
  }

  async function copy() {
    if (credentials === null) {
      return;
    }
    try {
      await navigator.clipboard.writeText(chosen().write(credentials, config?.region));
    } catch {
      setMasked(false);
      getSelection()?.selectAllChildren(part("text"));
      part("hint").textContent = t("Your browser does not let this page copy: press Ctrl C, or ⌘ C, yourself.");
      say(t("Not copied. The text is selected: copy it yourself."));
      return;
    }
    say(t("Copied."));
    part("copy").textContent = t("Copied");
    setTimeout(() => (part("copy").textContent = t("Copy")), 2000);
  }

  async function sendPing() {
    if (credentials === null) {
      return;
    }
    const [button, pong] = [part("ping"), part("pong")];
    button.setAttribute("aria-busy", "true");
    const sent = performance.now();
    try {
      const answer = await ping(credentials);
      const ms = Math.max(1, Math.round(performance.now() - sent));
      const status = answer.status === "Success" ? t("Success") : answer.status;
      pong.textContent = t("{status} in {ms} ms. You are {arn}.", { status, ms, arn: answer.arn });
    } catch (error) {
      const { sentence, reference } = error instanceof VestibuleError ? error : new VestibuleError("", String(error));
      pong.textContent = reference ? `${t(sentence)} ${t("Reference: {reference}", { reference })}` : t(sentence);
    }
    button.removeAttribute("aria-busy");
  }

  function forget() {
    credentials = null;
    part("text").textContent = "";
  }

  function tick() {
    if (credentials === null) {
      return false;
    }
    const left = Math.floor((ends - Date.now()) / 1000);
    if (left <= 0) {
      forget();
      part("live").hidden = true;
      part("life").hidden = true;
      part("left").textContent = t("Expired");
      /** @type {HTMLElement} */ (part("left").nextElementSibling).hidden = true;
      part("soon").textContent = "";
      return false;
    }
    part("left").textContent = clock(left);
    const life = /** @type {HTMLProgressElement} */ (part("life"));
    life.max = ends - began;
    life.value = left * 1000;
    const last = left <= 60;
    const soon = last || left <= Math.min(300, (ends - began) / 5000);
    life.className = last ? "last" : soon ? "soon" : "";
    part("soon").textContent = last ? t("They expire within a minute.") : soon ? t("They expire soon.") : "";
    if (left === 300) {
      say(t("Your credentials expire in five minutes."));
    } else if (left === 60) {
      say(t("Your credentials expire in one minute."));
    }
    return true;
  }

  /** @param {boolean} is */
  function single(is) {
    setSingle(part, is, ["copy", "show", "ping"]);
    part("take").hidden = !is;
    part("ping-title").hidden = !is;
    part("text").setAttribute("aria-labelledby", part(is ? "take" : "title").id);
  }

  writeFacts(part, received, place);
  const expiration = new Date(ends);
  const sameDay = expiration.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const date = sameDay ? {} : { day: "numeric", month: "long" };
  part("until").textContent = expiration.toLocaleString(locale, { hour: "2-digit", minute: "2-digit", ...date });
  part("until").setAttribute("datetime", received.Expiration);
  part("ping-part").hidden = !config?.ping;
  part("formats").addEventListener("change", ({ target }) => {
    // Whoever wants one as a profile wants them all so.
    const { value } = /** @type {HTMLInputElement} */ (target);
    for (const other of document.querySelectorAll(`fieldset input[value="${value}"]`)) {
      if (other !== target) {
        /** @type {HTMLInputElement} */ (other).click();
      }
    }
    writeText();
  });
  const other = document.querySelector("#cards fieldset :checked")?.getAttribute("value") ?? "bash";
  /** @type {HTMLInputElement} */ (root.querySelector(`fieldset input[value="${other}"]`)).checked = true;
  part("show").addEventListener("click", () => setMasked(!masked));
  part("copy").addEventListener("click", copy);
  part("ping").addEventListener("click", sendPing);
  setMasked(true);
  tick();
  return { root, expires: true, single, mask: () => setMasked(true), forget, tick };
}

/**
 * The address is in no attribute and no text: whoever has it is signed in.
 * @param {ConsoleSignIn} received
 * @param {Place} place
 * @returns {Card}
 */
function consoleCard(received, place) {
  const { root, part } = stamp("console-card", place.number);
  /** @type {string | null} */
  let address = received.ConsoleUrl;
  const ends = Math.min(Date.parse(received.Expiration), Date.now() + CONSOLE_MS);

  /** @param {string} hint Why there is nothing to open any more. */
  function end(hint) {
    address = null;
    part("open").setAttribute("aria-disabled", "true");
    part("hint").textContent = hint;
  }

  writeFacts(part, received, place);
  part("open").addEventListener("click", () => {
    if (address === null) {
      return;
    }
    const link = document.createElement("a");
    Object.assign(link, { href: address, target: "_blank", rel: "noreferrer" });
    link.click();
    end(t("Opened in a new tab."));
    say(t("Opened in a new tab."));
  });
  return {
    root,
    expires: false,
    single: (is) => setSingle(part, is, ["open"]),
    mask: () => {},
    forget: () => (address = null),
    tick: () => {
      if (address !== null && Date.now() >= ends) {
        end(t("Not opened in time."));
      }
      return address !== null;
    },
  };
}

/**
 * @param {Credentials | ConsoleSignIn} received
 * @param {Config | null} config
 * @param {Place} place
 */
export function cardOf(received, config, place) {
  return "ConsoleUrl" in received ? consoleCard(received, place) : credentialsCard(received, config, place);
}

/**
 * @param {VestibuleError} failure
 * @param {string} sentence
 * @param {(() => void) | null} retry
 * @param {{ number: number, title: string }} place
 * @returns {Card}
 */
export function failureCard(failure, sentence, retry, { number, title }) {
  const { root, part } = stamp("failure-card", number);
  part("title").textContent = title;
  part("sentence").textContent = sentence;
  part("refusal-reference").textContent = failure.reference;
  part("refusal-reference").parentElement?.toggleAttribute("hidden", !failure.reference);
  part("refusal-code").textContent = failure.code;
  part("again").hidden = retry === null;
  part("again").setAttribute("aria-describedby", part("title").id);
  part("again").addEventListener("click", () => retry?.());
  signInAgain(part("stronger"), failure.signInAgain);
  part("ways").hidden = retry === null && failure.signInAgain === null;
  return { root, expires: false, single: () => {}, mask: () => {}, forget: () => {}, tick: () => false };
}

/**
 * A link as on the service's own page of a refusal.
 * @param {HTMLElement} link
 * @param {string | null | undefined} address
 */
export function signInAgain(link, address) {
  link.hidden = !address;
  if (address) {
    link.setAttribute("href", address);
    const stronger = address.includes("authn_context=");
    link.textContent = stronger ? t("Sign in again with stronger authentication") : t("Sign in again now");
  }
}

/** Hours, minutes and seconds. @param {number} left In seconds. */
export function clock(left) {
  const [hours, minutes, seconds] = [left / 3600, (left / 60) % 60, left % 60].map(Math.floor);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
