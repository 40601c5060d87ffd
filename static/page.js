// The page: what the person sees of a login. The login itself is vestibule.js.

import { cardOf, clock, failureCard } from "./cards.js";
import { element, make, progress, say, show } from "./document.js";
import { canChooseAgain, explain, showEnd } from "./failures.js";
import { canStart, Choice, VestibuleError, complete, configure, start } from "./vestibule.js";
import { learn, t } from "./words.js";

/** @typedef {import("./cards.js").Card} Card */
/** @typedef {import("./chooser.js").Wish} Wish */
/** @typedef {import("./vestibule.js").Config} Config */
/** @typedef {import("./vestibule.js").ConsoleSignIn} ConsoleSignIn */
/** @typedef {import("./vestibule.js").Credentials} Credentials */

/** @type {Config | null} */
let config = null;
/** Of what was received, the newest first. @type {Card[]} */
let cards = [];
/** How many there were: each has ids of its own. */
let number = 0;
/** @type {Choice | null} */
let choice = null;
/** Most people have one role: who has several gets the chooser with them. @type {typeof import("./chooser.js") | null} */
let chooser = null;
/** Whether the browser is on its way to the identity provider. */
let leaving = false;

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
/** Of the choice: what is asked about. None where a ticket waits in the module. @type {Wish[]} */
let asking = [];

/**
 * @param {string[]} questions
 * @param {string} fault
 */
function showQuestions(questions, fault) {
  progress(1);
  const [first, ...others] = questions;
  element("asking").hidden = others.length === 0;
  element("asking").replaceChildren(...(others.length > 0 ? questions.map((each) => make("li", {}, each)) : []));
  element("ask").textContent = others.length > 0 ? t("One reason for all of them") : first;
  element("not-answered").hidden = asking.length === 0;
  element("reason-hint").hidden = asking.length > 0;
  show("asked", false);
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
    await (asking.length > 0 ? get(asking, reason().value) : receive(complete({ choose: true, reason: reason().value })));
  } catch (error) {
    showFailure(error, 1);
  }
  button.disabled = false;
}

// --- A choice among roles

/** @param {Choice} opened */
async function showChoice(opened) {
  chooser = await import("./chooser.js");
  choice = opened;
  chooser.openChooser(opened, (wishes) => wanted(wishes));
  backToChoice();
}

function backToChoice() {
  asking = [];
  element("received").hidden = cards.length === 0;
  progress(1);
  show("choose", false);
  tickChoice();
  chooser?.focusChooser();
}

/** @param {Wish[]} wishes @param {string} [fault] */
function wanted(wishes, fault = "") {
  const questions = wishes.filter(({ ask }) => ask);
  if (questions.length === 0) {
    get(wishes).catch((error) => showFailure(error, 1));
    return;
  }
  asking = wishes;
  const several = questions.length > 1;
  showQuestions(questions.map(({ title, ask = "" }) => (several ? `${title}: ${ask}` : ask)), fault);
}

/**
 * @param {Wish[]} wishes
 * @param {string} [given] The reason, for those that ask.
 */
async function get(wishes, given) {
  if (choice === null) {
    throw over();
  }
  element("doing").textContent = t("Getting what you chose.");
  show("working");
  say(t("Getting what you chose."));
  /** @type {(Credentials | ConsoleSignIn | VestibuleError)[]} */
  let received;
  try {
    received = await choice.choose(
      wishes.map(({ offered, use, destination, ask }) => ({ role: offered.role, use, destination, reason: ask && given })),
    );
  } catch (error) {
    // What was chosen waits there: the same again gets it. And what was got before stays.
    if (!(error instanceof VestibuleError && (error.retry || cards.length > 0))) {
      throw error;
    }
    received = wishes.map(() => error);
    choice = error.code === "choice_gone" ? null : choice;
  }
  const failures = received.map((each) => (each instanceof VestibuleError ? each : null));
  failures.forEach((failure, index) => (wishes[index].ask = failure?.ask ?? wishes[index].ask));
  const [first] = failures;
  if (first && failures.every((failure) => failure?.ask)) {
    wanted(wishes, first.code === "reason_required" ? "" : t(first.sentence));
    return;
  }
  asking = [];
  reason().value = "";
  showReceived(received, wishes);
}

/**
 * @param {(Credentials | ConsoleSignIn | VestibuleError)[]} received
 * @param {Wish[]} wishes
 */
function showReceived(received, wishes) {
  const made = received.map((each, index) => {
    const { offered, title } = wishes[index];
    if (!(each instanceof VestibuleError)) {
      return cardOf(each, config, { number: number++, title, accountName: offered.account_name });
    }
    const again = each.retry || each.ask !== null || canChooseAgain(each.code);
    const retry = again ? () => wanted([wishes[index]]) : null;
    return failureCard(each, t(each.sentence), retry, { number: number++, title });
  });
  // What failed before, the person has read; what was got before stays.
  cards = [...made, ...cards.filter((card) => card.tick())];
  const failed = received.filter((each) => each instanceof VestibuleError).length;
  showCards(failed === received.length ? "failed" : "done");
  if (failed > 0) {
    say(t("{failed} of {all} failed.", { failed, all: received.length }));
  }
}

function tickChoice() {
  if (choice === null) {
    return;
  }
  const left = Math.floor((Date.parse(choice.expires) - Date.now()) / 1000);
  if (left > 0) {
    chooser?.showClosing(left, clock(left));
    return;
  }
  const choosing = !element("choose").hidden || (!element("asked").hidden && asking.length > 0);
  [choice, asking] = [null, []];
  chooser?.closeChooser();
  element("others").hidden = true;
  if (choosing && cards.length > 0) {
    showCards();
    say(over().sentence);
  } else if (choosing) {
    showFailure(over(), 1);
  }
}

const over = () => new VestibuleError("choice_gone", t("The time to choose is over. Please sign in again."));

// --- What went wrong, or is over

/**
 * @param {unknown} error
 * @param {number} step
 */
function showFailure(error, step) {
  if (error instanceof VestibuleError && error.ask !== null) {
    // The ticket waits in the module meanwhile.
    showQuestions([error.ask], error.code === "reason_required" ? "" : t(error.sentence));
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
  showEnd(config, explain(failure.code)?.title ?? t("That did not work"), t(failure.sentence), failure);
}

// --- What was received

/** @param {"done" | "failed"} [outcome] */
function showCards(outcome = "done") {
  const single = cards.length === 1;
  cards.forEach((card) => card.single(single));
  element("cards").replaceChildren(...cards.map(({ root }) => root));
  element("person").hidden = choice === null || (single && outcome === "done");
  element("person").textContent = choice === null ? "" : t("You are {user}, signed in with {name}.", { user: choice.user, name: choice.idp });
  element("local").hidden = !config?.local_credentials;
  element("others").hidden = choice === null;
  const startsHere = config?.identity_providers.some((idp) => canStart(idp) && idp.sp_initiated);
  element("console-part").hidden = choice !== null || !config?.console || !startsHere;
  progress(2, outcome);
  tick();
  show("signed-in");
}

/** @param {Promise<Credentials | ConsoleSignIn | Choice | null>} coming @returns {Promise<boolean>} */
async function receive(coming) {
  const received = await coming;
  if (received instanceof Choice) {
    await showChoice(received);
  } else if (received !== null) {
    reason().value = "";
    forgetCards();
    cards = [cardOf(received, config, { number: number++ })];
    showCards();
  }
  return received !== null;
}

/** The same person, by a login that ends in the console. */
async function leaveForConsole() {
  forget();
  try {
    await start(undefined, null, "console");
  } catch (error) {
    showFailure(error, 0);
  }
}

function forgetCards() {
  for (const card of cards) {
    card.forget();
  }
  [cards, number] = [[], 0];
  element("cards").replaceChildren();
}

function forget() {
  forgetCards();
  chooser?.closeChooser();
  choice = null;
  asking = [];
}

/** Each second: what is left, and that nothing is left. */
function tick() {
  tickChoice();
  const [first] = cards;
  const left = cards.map((card) => card.tick());
  if (first && !left.includes(true) && choice === null && cards.some((card) => card.expires)) {
    forget();
    progress(0);
    showEnd(config, t("Your credentials have expired"), t("They work no longer, and this page has forgotten them."));
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
  if (step === "listing") {
    // Meanwhile: who needs it asks for it again, and hears of a failure there.
    import("./chooser.js").catch(() => {});
    progress(1);
    element("doing").textContent = t("Looking up your roles.");
    say(t("Looking up your roles."));
  }
  if (step === "fetching") {
    progress(1);
    element("doing").textContent = t("Picking up your credentials.");
    say(t("Picking up your credentials."));
  }
}

/** Whether there is nothing here that a person would miss. */
const isEmpty = () => cards.length === 0 && choice === null;

/** With a ticket or without. */
async function arrive() {
  const [settings, picked] = await Promise.allSettled([configure({ base, onStep }), complete({ choose: true })]);
  config = settings.status === "fulfilled" ? settings.value : config;
  if (picked.status === "rejected") {
    showFailure(picked.reason, 1);
  } else if (picked.value !== null) {
    await receive(Promise.resolve(picked.value)).catch((error) => showFailure(error, 1));
  } else if (settings.status === "rejected") {
    showFailure(settings.reason, 0);
  } else if (isEmpty() && !leaving) {
    showSignIn(false);
  }
}

for (const button of document.querySelectorAll("[data-again]")) {
  button.addEventListener("click", again);
}
element("retry").addEventListener("click", arrive);
element("others").addEventListener("click", backToChoice);
element("console").addEventListener("click", leaveForConsole);
element("answer").addEventListener("submit", answer);
element("not-answered").addEventListener("click", backToChoice);
element("received").addEventListener("click", () => showCards());
setInterval(tick, 1000);
// Nobody looks: nothing to see. And timers of a hidden page are late.
document.addEventListener("visibilitychange", () => (document.hidden ? cards.forEach((card) => card.mask()) : tick()));
// A ticket pasted into the address bar of this very page does not load it anew.
addEventListener("hashchange", arrive);
// Back from the identity provider, without having signed in there.
addEventListener("pageshow", (event) => {
  leaving &&= !event.persisted;
  if (event.persisted && isEmpty() && config !== null) {
    showSignIn(false);
  }
});

await learn();
element("steps").hidden = false;
show("working", false);
await arrive();
