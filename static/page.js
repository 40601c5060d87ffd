// The page: what the person sees of a login. The login itself is vestibule.js.

import { FORMATS } from "./formats.js";
import { canStart, VestibuleError, complete, configure, ping, start } from "./vestibule.js";
import { learn, locale, t } from "./words.js";

/** @typedef {import("./vestibule.js").Config} Config */
/** @typedef {import("./vestibule.js").Credentials} Credentials */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
const element = (id) => /** @type {T} */ (document.getElementById(id));

/** @type {Config | null} */
let config = null;
/** @type {Credentials | null} */
let credentials = null;
let began = Date.now();
/** Whether the browser is on its way to the identity provider. */
let leaving = false;

/** What a screen reader hears. @param {string} text */
function say(text) {
  element("status").textContent = text;
}

const SECTIONS = ["working", "sign-in", "asked", "signed-in", "ended"];

/**
 * Shows one section. Whoever was waiting for it is led to its heading.
 * @param {string} id
 * @param {boolean} [lead]
 */
function show(id, lead = true) {
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
function progress(current, outcome = "current") {
  document.querySelectorAll(".steps li").forEach((item, index) => {
    item.className = index < current ? "done" : index === current ? outcome : "";
    item.setAttribute("aria-current", index === current ? "step" : "false");
    const told = { done: t(": done"), failed: t(": failed") }[item.className] ?? "";
    /** @type {Element} */ (item.lastElementChild).textContent = told;
  });
}

// --- Signing in

/** @param {boolean} lead */
function showSignIn(lead) {
  progress(0);
  const idps = (config?.identity_providers ?? []).filter(canStart);
  element("providers").replaceChildren(
    ...idps.map((idp) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = t("Sign in with {name}", { name: idp.label });
      button.addEventListener("click", () => leave(idp));
      return button;
    }),
  );
  element("nowhere").hidden = idps.length > 0;
  show("sign-in", lead);
}

/** @param {import("./vestibule.js").IdentityProvider} idp */
async function leave(idp) {
  for (const button of element("providers").querySelectorAll("button")) {
    button.disabled = true;
  }
  say(t("Going to {name}…", { name: idp.label }));
  try {
    await start(idp.name);
  } catch (error) {
    showFailure(error, 0);
  }
}

function again() {
  forget();
  const idps = (config?.identity_providers ?? []).filter(canStart);
  if (config === null) {
    arrive();
  } else if (idps.length === 1) {
    showSignIn(false);
    leave(idps[0]);
  } else {
    showSignIn(true);
  }
}

// --- A reason, where a rule asks for one

const reason = () => /** @type {HTMLInputElement} */ (element("reason"));

/** The ticket waits in the module meanwhile. @param {VestibuleError} asked */
function showQuestion(asked) {
  progress(1);
  element("ask").textContent = asked.ask;
  show("asked", false);
  const fault = asked.code === "reason_required" ? "" : t(asked.sentence);
  element("reason-fault").textContent = fault;
  reason().setAttribute("aria-invalid", String(fault !== ""));
  reason().focus();
}

/** @param {SubmitEvent} event */
async function answer(event) {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (element("answered"));
  button.disabled = true;
  // Else the same fault again is no news, and a screen reader does not say it.
  element("reason-fault").textContent = "";
  try {
    const received = await complete({ reason: reason().value });
    if (received === null) {
      showSignIn(true);
    } else {
      showCredentials(received);
    }
  } catch (error) {
    showFailure(error, 1);
  }
  button.disabled = false;
}

// --- What went wrong, or is over

/** What the service's sentence does not say. @type {() => Record<string, { title: string, why?: string }>} */
const more = () => ({
  gone: {
    title: t("There is nothing left to pick up"),
    why: t("A ticket works once: whoever shows it first gets the credentials, and nobody after that. If the connection broke while they were on their way, they are lost and will expire unused. If you think that somebody else took them, ask for help and read out the reference."),
  },
  ticket_expired: {
    title: t("That took too long"),
    why: t("Between your sign-in and the hand-over there is little time. The credentials that waited for you expire unused."),
  },
  verifier_lost: {
    title: t("This tab cannot use this ticket"),
    why: t("A ticket works once, and only in the tab where the sign-in began. This tab took nothing."),
  },
  // Also where two sign-ins began in this tab, and the first comes back.
  verifier_mismatch: { title: t("This ticket is of another sign-in") },
  ticket_used: { title: t("This sign-in is over") },
  unreachable: { title: t("No connection") },
  busy: { title: t("Not right now") },
  store_unavailable: { title: t("Not right now") },
  keys_unavailable: { title: t("Not right now") },
  delivery_uncertain: { title: t("The hand-over is not certain") },
  relay_state_missing: {
    title: t("The sign-in cannot come back here"),
    why: t("If you began at a portal or a bookmark, begin here instead. If you began here, the service's people must set up your company's sign-in service: RelayState is switched off there."),
  },
  not_https: { title: t("This page is not secure") },
  binding_plain: { title: t("This is the wrong page") },
  storage_blocked: { title: t("Your browser is in the way") },
});

/**
 * @param {unknown} error
 * @param {number} step
 */
function showFailure(error, step) {
  if (error instanceof VestibuleError && error.ask !== null) {
    showQuestion(error);
    return;
  }
  const failure =
    error instanceof VestibuleError
      ? error
      : new VestibuleError("page_error", t("This page made a mistake. Please reload it."));
  if (failure !== error) {
    console.error(error);
  }
  progress(step, "failed");
  forget();
  showEnd(more()[failure.code]?.title ?? t("That did not work"), t(failure.sentence), failure);
}

/**
 * @param {string} title
 * @param {string} sentence
 * @param {VestibuleError | null} [failure]
 */
function showEnd(title, sentence, failure = null) {
  element("ended-title").textContent = title;
  element("ended-sentence").textContent = sentence;
  const why = failure && more()[failure.code]?.why;
  element("ended-why").textContent = why ?? "";
  element("ended-why").hidden = !why;
  element("ended-help").hidden = failure === null;
  element("contact").textContent = config?.contact ?? t("your company’s help desk");
  element("reference").textContent = failure?.reference ?? "";
  element("reference").parentElement?.toggleAttribute("hidden", !failure?.reference);
  element("code").textContent = failure?.code ?? "";
  // Without the settings there is nowhere to sign in: they are asked for again.
  element("retry").hidden = config !== null && !failure?.retry;
  element("anew").hidden = config === null;
  show("ended");
}

// --- The credentials

const chosen = () => FORMATS[document.querySelector("#formats :checked")?.getAttribute("value") ?? "bash"];
let masked = true;
const MASK = "•".repeat(16);

function writeText() {
  if (credentials === null) {
    return;
  }
  const shown = masked ? { ...credentials, SecretAccessKey: MASK, SessionToken: MASK } : credentials;
  element("text").textContent = chosen().write(shown, config?.region);
  element("hint").textContent = chosen().hint(credentials);
}

/** @param {boolean} mask */
function setMasked(mask) {
  masked = mask;
  element("show").textContent = mask ? t("Show") : t("Hide");
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
    getSelection()?.selectAllChildren(element("text"));
    element("hint").textContent = t("Your browser does not let this page copy: press Ctrl C, or ⌘ C, yourself.");
    say(t("Not copied. The text is selected: copy it yourself."));
    return;
  }
  say(t("Copied."));
  element("copy").textContent = t("Copied");
  setTimeout(() => (element("copy").textContent = t("Copy")), 2000);
}

async function sendPing() {
  if (credentials === null) {
    return;
  }
  const [button, pong] = [element("ping"), element("pong")];
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

/** @param {Credentials} received */
function showCredentials(received) {
  credentials = received;
  reason().value = "";
  began = Date.now();
  const [, role] = received.role.split(":role/");
  element("user").textContent = received.user;
  element("role").textContent = role ?? received.role;
  element("account").textContent = received.account;
  // An earlier version of the service says neither.
  element("rule").textContent = received.rule ?? "";
  element("rule-part").hidden = !received.rule;
  element("limited").hidden = received.limited !== true;
  const expiration = new Date(received.Expiration);
  const sameDay = expiration.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const date = sameDay ? {} : { day: "numeric", month: "long" };
  element("until").textContent = expiration.toLocaleString(locale, { hour: "2-digit", minute: "2-digit", ...date });
  element("until").setAttribute("datetime", received.Expiration);
  element("local").hidden = !config?.local_credentials;
  element("ping-part").hidden = !config?.ping;
  setMasked(true);
  progress(2, "done");
  tick();
  show("signed-in");
}

function forget() {
  credentials = null;
  element("text").textContent = "";
}

/** Each second: what is left, and that nothing is left. */
function tick() {
  if (credentials === null) {
    return;
  }
  const ends = Date.parse(credentials.Expiration);
  const left = Math.floor((ends - Date.now()) / 1000);
  if (left <= 0) {
    forget();
    progress(0);
    showEnd(t("Your credentials have expired"), t("They work no longer, and this page has forgotten them."));
    return;
  }
  const [hours, minutes, seconds] = [left / 3600, (left / 60) % 60, left % 60].map(Math.floor);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  element("left").textContent = hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  const life = /** @type {HTMLProgressElement} */ (element("life"));
  life.max = ends - began;
  life.value = left * 1000;
  const last = left <= 60;
  const soon = last || left <= Math.min(300, (ends - began) / 5000);
  life.className = last ? "last" : soon ? "soon" : "";
  element("soon").textContent = last ? t("They expire within a minute.") : soon ? t("They expire soon.") : "";
  if (left === 300) {
    say(t("Your credentials expire in five minutes."));
  } else if (left === 60) {
    say(t("Your credentials expire in one minute."));
  }
}

// --- The way through

/** Where the Vestibule is, if not where this file comes from. */
const base = document.querySelector("meta[name=vestibule]")?.getAttribute("content") || undefined;

/** @param {import("./vestibule.js").Step} step */
function onStep(step) {
  if (step === "leaving") {
    leaving = true;
    element("doing").textContent = t("Going to your company’s sign-in page.");
  }
  if (step === "fetching") {
    progress(1);
    element("doing").textContent = t("Picking up your credentials.");
    say(t("Picking up your credentials."));
  }
}

/** With a ticket or without. */
async function arrive() {
  const [settings, picked] = await Promise.allSettled([configure({ base, onStep }), complete()]);
  config = settings.status === "fulfilled" ? settings.value : config;
  if (picked.status === "rejected") {
    showFailure(picked.reason, 1);
  } else if (picked.value !== null) {
    showCredentials(picked.value);
  } else if (settings.status === "rejected") {
    showFailure(settings.reason, 0);
  } else if (credentials === null && !leaving) {
    showSignIn(false);
  }
}

for (const button of document.querySelectorAll("[data-again]")) {
  button.addEventListener("click", again);
}
element("formats").addEventListener("change", writeText);
element("show").addEventListener("click", () => setMasked(!masked));
element("copy").addEventListener("click", copy);
element("ping").addEventListener("click", sendPing);
element("retry").addEventListener("click", arrive);
element("answer").addEventListener("submit", answer);
setInterval(tick, 1000);
// Nobody looks: nothing to see. And timers of a hidden page are late.
document.addEventListener("visibilitychange", () => (document.hidden ? setMasked(true) : tick()));
// A ticket pasted into the address bar of this very page does not load it anew.
addEventListener("hashchange", arrive);
// Back from the identity provider, without having signed in there.
addEventListener("pageshow", (event) => {
  leaving &&= !event.persisted;
  if (event.persisted && credentials === null && config !== null) {
    showSignIn(false);
  }
});

await learn();
element("steps").hidden = false;
show("working", false);
await arrive();
