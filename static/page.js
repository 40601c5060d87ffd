// The page: what the person sees of a login. The login itself is vestibule.js.

import { canStart, VestibuleError, complete, configure, ping, start } from "./vestibule.js";

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

const SECTIONS = ["working", "sign-in", "signed-in", "ended"];

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
    const told = { done: ": done", failed: ": failed" }[item.className] ?? "";
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
      button.textContent = `Sign in with ${idp.label}`;
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
  say(`Going to ${idp.label}…`);
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

// --- What went wrong, or is over

/** What the service's sentence does not say. @type {Record<string, { title: string, why?: string }>} */
const MORE = {
  gone: {
    title: "There is nothing left to pick up",
    why: "A ticket works once: whoever shows it first gets the credentials, and nobody after that. If the connection broke while they were on their way, they are lost and will expire unused. If you think that somebody else took them, ask for help and read out the reference.",
  },
  ticket_expired: {
    title: "That took too long",
    why: "Between your sign-in and the hand-over there is half a minute or so. The credentials that waited for you expire unused.",
  },
  verifier_lost: {
    title: "This ticket is not for this tab",
    why: "A ticket works once, and only in the tab where the sign-in began. Nothing was taken.",
  },
  verifier_mismatch: { title: "This ticket is not for this tab" },
  unreachable: { title: "No connection" },
  busy: { title: "Not right now" },
  store_unavailable: { title: "Not right now" },
  keys_unavailable: { title: "Not right now" },
  delivery_uncertain: { title: "The hand-over is not certain" },
  relay_state_missing: {
    title: "The sign-in cannot come back here",
    why: "If you began at a portal or a bookmark, begin here instead. If you began here, the service's people must set up your company's sign-in service: RelayState is switched off there.",
  },
  not_https: { title: "This page is not secure" },
  binding_plain: { title: "This is the wrong page" },
  storage_blocked: { title: "Your browser is in the way" },
};

/**
 * @param {unknown} error
 * @param {number} step
 */
function showFailure(error, step) {
  const failure =
    error instanceof VestibuleError
      ? error
      : new VestibuleError("page_error", "This page made a mistake. Please reload it.");
  if (failure !== error) {
    console.error(error);
  }
  progress(step, "failed");
  forget();
  showEnd(MORE[failure.code]?.title ?? "That did not work", failure.sentence, failure);
}

/**
 * @param {string} title
 * @param {string} sentence
 * @param {VestibuleError | null} [failure]
 */
function showEnd(title, sentence, failure = null) {
  element("ended-title").textContent = title;
  element("ended-sentence").textContent = sentence;
  const why = failure && MORE[failure.code]?.why;
  element("ended-why").textContent = why ?? "";
  element("ended-why").hidden = !why;
  element("ended-help").hidden = failure === null;
  element("contact").textContent = config?.contact ?? "your company’s help desk";
  element("reference").textContent = failure?.reference ?? "";
  element("reference").parentElement?.toggleAttribute("hidden", !failure?.reference);
  element("code").textContent = failure?.code ?? "";
  // Without the settings there is nowhere to sign in: they are asked for again.
  element("retry").hidden = config !== null && !failure?.retry;
  element("anew").hidden = config === null;
  show("ended");
}

// --- The credentials

/** @param {string} value */
const sh = (value) => `'${value.replaceAll("'", "'\\''")}'`;
/** @param {string} value */
const ps = (value) => `'${value.replaceAll("'", "''")}'`;

/** @type {Record<string, { hint: string, write: (c: Credentials) => string }>} */
const FORMATS = {
  bash: {
    hint: "Paste them into a terminal. They hold for that terminal only.",
    write: (c) =>
      [
        `export AWS_ACCESS_KEY_ID=${sh(c.AccessKeyId)}`,
        `export AWS_SECRET_ACCESS_KEY=${sh(c.SecretAccessKey)}`,
        `export AWS_SESSION_TOKEN=${sh(c.SessionToken)}`,
        "",
      ].join("\n"),
  },
  powershell: {
    hint: "Paste them into a PowerShell. They hold for that window only.",
    write: (c) =>
      [
        `$Env:AWS_ACCESS_KEY_ID=${ps(c.AccessKeyId)}`,
        `$Env:AWS_SECRET_ACCESS_KEY=${ps(c.SecretAccessKey)}`,
        `$Env:AWS_SESSION_TOKEN=${ps(c.SessionToken)}`,
        "",
      ].join("\n"),
  },
  profile: {
    hint: "For ~/.aws/credentials; then: aws --profile vestibule … Remove it when they have expired.",
    write: (c) =>
      [
        "[vestibule]",
        `aws_access_key_id = ${c.AccessKeyId}`,
        `aws_secret_access_key = ${c.SecretAccessKey}`,
        `aws_session_token = ${c.SessionToken}`,
        "",
      ].join("\n"),
  },
  json: {
    hint: "As AWS’s own tools and SDKs name them.",
    write: ({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }) =>
      `${JSON.stringify({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }, null, 2)}\n`,
  },
  credential_process: {
    hint: "Save it as a file that only you can read. In ~/.aws/config: credential_process = cat /path/to/that/file",
    write: ({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }) =>
      `${JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration })}\n`,
  },
};

const chosen = () => FORMATS[document.querySelector("#formats :checked")?.getAttribute("value") ?? "bash"];
const masked = () => element("show").getAttribute("aria-pressed") !== "true";
const MASK = "•".repeat(16);

function writeText() {
  if (credentials === null) {
    return;
  }
  const shown = masked() ? { ...credentials, SecretAccessKey: MASK, SessionToken: MASK } : credentials;
  element("text").textContent = chosen().write(shown);
  element("hint").textContent = chosen().hint;
}

/** @param {boolean} mask */
function setMasked(mask) {
  element("show").setAttribute("aria-pressed", String(!mask));
  writeText();
}

async function copy() {
  if (credentials === null) {
    return;
  }
  try {
    await navigator.clipboard.writeText(chosen().write(credentials));
  } catch {
    setMasked(false);
    getSelection()?.selectAllChildren(element("text"));
    element("hint").textContent = "Your browser does not let this page copy: press Ctrl C, or ⌘ C, yourself.";
    say("Not copied. The text is selected: copy it yourself.");
    return;
  }
  say("Copied.");
  element("copy").textContent = "Copied";
  setTimeout(() => (element("copy").textContent = "Copy"), 2000);
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
    pong.textContent = `${answer.status} in ${ms} ms. You are ${answer.arn}.`;
  } catch (error) {
    const { sentence, reference } = error instanceof VestibuleError ? error : new VestibuleError("", String(error));
    pong.textContent = reference ? `${sentence} Reference: ${reference}` : sentence;
  }
  button.removeAttribute("aria-busy");
}

/** @param {Credentials} received */
function showCredentials(received) {
  credentials = received;
  began = Date.now();
  const [, role] = received.role.split(":role/");
  element("user").textContent = received.user;
  element("role").textContent = role ?? received.role;
  element("account").textContent = received.account;
  const expiration = new Date(received.Expiration);
  const sameDay = expiration.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const date = sameDay ? {} : { day: "numeric", month: "long" };
  element("until").textContent = expiration.toLocaleString([], { hour: "2-digit", minute: "2-digit", ...date });
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
    showEnd("Your credentials have expired", "They work no longer, and this page has forgotten them.");
    return;
  }
  const [hours, minutes, seconds] = [left / 3600, (left / 60) % 60, left % 60].map(Math.floor);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  element("left").textContent = hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  const life = /** @type {HTMLProgressElement} */ (element("life"));
  life.max = ends - began;
  life.value = left * 1000;
  if (left === 300 || left === 60) {
    say(`Your credentials expire in ${left / 60 === 1 ? "one minute" : "five minutes"}.`);
  }
}

// --- The way through

/** Where the Vestibule is, if not where this file comes from. */
const base = document.querySelector("meta[name=vestibule]")?.getAttribute("content") || undefined;

/** @param {import("./vestibule.js").Step} step */
function onStep(step) {
  if (step === "leaving") {
    leaving = true;
    element("doing").textContent = "Going to your company’s sign-in page.";
  }
  if (step === "fetching") {
    progress(1);
    element("doing").textContent = "Picking up your credentials.";
    say("Picking up your credentials.");
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
element("show").addEventListener("click", () => setMasked(!masked()));
element("copy").addEventListener("click", copy);
element("ping").addEventListener("click", sendPing);
element("retry").addEventListener("click", arrive);
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

await arrive();
