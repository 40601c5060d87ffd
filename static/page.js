// The page: what the person sees of a login. The login itself is vestibule.js.

import { cardOf, clock, failureCard } from "./cards.js";
import { breakable, element, make, progress, say, show } from "./document.js";
import { currentErrand, dropErrand, endErrand, isFresh, useOf, wasBroken, whatWasTold } from "./errand.js";
import { canChooseAgain, endsErrand, explain, showEnd } from "./failures.js";
import { canStart, Choice, VestibuleError, complete, configure, start } from "./vestibule.js";
import { learn, t } from "./words.js";

/** @typedef {import("./cards.js").Card} Card */
/** @typedef {import("./chooser.js").Wish} Wish */
/** @typedef {import("./vestibule.js").Config} Config */
/** @typedef {import("./vestibule.js").ConsoleSignIn} ConsoleSignIn */
/** @typedef {import("./vestibule.js").Credentials} Credentials */
/** @typedef {import("./vestibule.js").Given} Given */

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
/** The same for whose program waits. @type {typeof import("./shell.js") | null} */
let shell = null;
/** Whether the browser is on its way to the identity provider. */
let leaving = false;

// --- Signing in

/** Where a login can begin, for what brought the person. */
function startable() {
  const all = config?.identity_providers ?? [];
  return currentErrand() === null ? all.filter(canStart) : all.filter((idp) => idp.sp_initiated);
}

/** @param {boolean} lead */
function showSignIn(lead) {
  progress(0);
  const idps = startable();
  const errand = currentErrand();
  element("promise").hidden = errand !== null;
  element("waiting").hidden = errand === null;
  element("waiting").textContent =
    errand?.request === null
      ? t("You go on to the AWS console.")
      : t("A program on a computer waits for this sign-in. After it you see what the program asks for, and decide.");
  element("without").hidden = errand === null;
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
    const errand = currentErrand();
    await (errand === null ? start(idp.name) : start(idp.name, null, useOf(errand)));
  } catch (error) {
    showFailure(error, 0);
  }
}

function again() {
  forget();
  const idps = startable();
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
  shell = opened.shell === null ? null : await import("./shell.js");
  choice = opened;
  const { roles = [], request = "" } = currentErrand() ?? {};
  const [role] = roles;
  const most = opened.shell === null ? undefined : shell?.mostFor(opened.shell);
  chooser.openChooser(opened, (wishes) => wanted(wishes), { most, role, first: request === null ? "console" : undefined });
  element("for-shell-part").hidden = opened.shell === null;
  element("missing").hidden = true;
  if (opened.shell === null || shell === null) {
    dropErrand();
    backToChoice();
    return;
  }
  element("for-shell").textContent = t("It is for {device}. You confirm it afterwards.", { device: shell.deviceOf(opened.shell) });
  const open = opened.roles.filter(({ refused }) => !refused);
  const asked = roles.length === 0 && open.length === 1 ? open : open.filter((offered) => roles.includes(offered.role));
  const missing = roles.filter((role) => !asked.some((offered) => offered.role === role));
  const notes = [
    missing.length > 0 ? t("Asked for, but not open to you now: {roles}", { roles: missing.join(", ") }) : "",
    asked.length > (most ?? 0) ? t("Another device can have one role only.") : "",
  ];
  element("missing").replaceChildren(...breakable(notes.filter((note) => note !== "").join(" ")));
  element("missing").hidden = element("missing").textContent === "";
  asked.length > 0 ? wanted(chooser.wishesFor(asked.slice(0, most), "credentials")) : backToChoice();
}

function backToChoice() {
  asking = [];
  element("received").hidden = cards.length === 0;
  progress(1);
  show("choose", false);
  tickChoice();
  chooser?.focusChooser();
}

/** Nothing is for a program before the person has said so. @param {Wish[]} wishes */
function wanted(wishes) {
  if (choice === null || choice.shell === null || shell === null) {
    gather(wishes);
    return;
  }
  const note = element("missing").hidden ? "" : (element("missing").textContent ?? "");
  shell.confirm(choice, wishes, note, { give: gather, others: backToChoice, cancel });
  tickChoice();
}

/** @param {Wish[]} wishes @param {string} [fault] */
function gather(wishes, fault = "") {
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
  const parts = wishes.map(({ offered, use, destination, ask }) => ({ role: offered.role, use, destination, reason: ask && given }));
  /** @type {(Credentials | ConsoleSignIn | VestibuleError | { ticket: string })[]} */
  let received;
  /** @type {Given | null} */
  let toGive = null;
  try {
    if (choice.shell === null) {
      received = await choice.choose(parts);
    } else {
      toGive = await choice.give(parts.map(({ role, reason }) => ({ role, reason })), shell?.numberTyped());
      received = toGive.parts;
    }
  } catch (error) {
    if (error instanceof VestibuleError && error.code === "number_wrong") {
      shell?.showFault(t(error.sentence));
      return;
    }
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
    gather(wishes, first.code === "reason_required" ? "" : t(first.sentence));
    return;
  }
  asking = [];
  if (toGive !== null && failures.every((failure) => failure === null)) {
    reason().value = "";
    handOver(toGive);
    return;
  }
  // Those that go with a reason are given again with it.
  const others = wishes.filter((_, index) => failures[index] === null);
  rest = toGive === null || others.length === 0 ? null : () => get(others, given);
  reason().value = "";
  showReceived(received, wishes);
}

/** What a program gets beside what failed. @type {(() => Promise<void>) | null} */
let rest = null;

/** @param {Given} given */
function handOver({ parts, redirect_uri, state }) {
  const tickets = parts.flatMap((part) => ("ticket" in part ? [part.ticket] : []));
  if (redirect_uri === null) {
    dropErrand();
    forget();
    shell?.showText(tickets[0], () => {
      progress(2, "failed");
      showEnd(config, t("That took too long"), t("The text can be used no longer. Start the program again."), null, false);
    });
    return;
  }
  tell("given", redirect_uri, [["state", state], ...tickets.map((ticket) => ["ticket", ticket])]);
}

/** The program hears that it gets nothing. */
function cancel() {
  const asked = choice?.shell;
  tell("refused", asked?.redirect_uri, [["state", asked?.state ?? ""], ["error", "access_denied"]]);
}

/**
 * By the browser, which leaves this page for where the program listens, if it listens anywhere.
 * @param {import("./errand.js").Told} told
 * @param {string | null | undefined} redirect_uri
 * @param {string[][]} answer
 */
function tell(told, redirect_uri, answer) {
  // Before anything is said to be given: an address that is none of a program's ends it.
  const to = redirect_uri ? shell?.callbackOf(redirect_uri, answer) : undefined;
  endErrand(told);
  forget();
  showTold(told);
  if (to) {
    location.assign(to);
  }
}

/** Also to who comes back, since nobody may have listened there. @param {import("./errand.js").Told} told */
function showTold(told) {
  if (told === "given") {
    progress(2);
    showEnd(config, t("Back to the program"), t("Your browser goes to 127.0.0.1, where the program waits on this computer. If nothing answers there, the program waits no longer and has got nothing: start it again."), null, false);
  } else {
    progress(1, "failed");
    showEnd(config, t("Nothing was given"), t("The program got nothing. You can close this tab."), null, false);
  }
}

/**
 * @param {(Credentials | ConsoleSignIn | VestibuleError | { ticket: string })[]} received
 * @param {Wish[]} wishes
 */
function showReceived(received, wishes) {
  const made = received.flatMap((each, index) => {
    const { offered, title } = wishes[index];
    if ("ticket" in each) {
      return [];
    }
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
  showCards(failed === received.length || choice?.shell ? "failed" : "done");
  if (failed > 0) {
    say(t("{failed} of {all} failed.", { failed, all: received.length }));
  }
}

function tickChoice() {
  if (choice === null) {
    return;
  }
  if (choice.shell !== null) {
    shell?.showWaiting(choice.shell);
  }
  const left = Math.floor((Date.parse(choice.expires) - Date.now()) / 1000);
  if (left > 0) {
    chooser?.showClosing(left, clock(left));
    return;
  }
  const choosing = !element("choose").hidden || !element("give").hidden || (!element("asked").hidden && asking.length > 0);
  [choice, asking, rest] = [null, [], null];
  element("rest").hidden = true;
  chooser?.closeChooser();
  shell?.closeShell();
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
  if (endsErrand(failure.code)) {
    dropErrand();
  }
  showEnd(config, explain(failure.code)?.title ?? t("That did not work"), t(failure.sentence), failure, !endsErrand(failure.code));
}

// --- What was received

/** @param {"done" | "failed"} [outcome] */
function showCards(outcome = "done") {
  const single = cards.length === 1;
  cards.forEach((card) => card.single(single));
  element("cards").replaceChildren(...cards.map(({ root }) => root));
  const forShell = Boolean(choice?.shell);
  element("got-title").textContent = !forShell ? t("You are signed in") : rest === null ? t("That did not work") : t("Some of it did not work");
  element("person").hidden = choice === null || (single && outcome === "done" && !forShell);
  element("person").textContent =
    choice === null ? "" : forShell ? t("The program has got nothing yet.") : t("You are {user}, signed in with {name}.", { user: choice.user, name: choice.idp });
  element("local").hidden = !config?.local_credentials;
  element("others").hidden = choice === null;
  element("rest").hidden = rest === null;
  element("only-here").hidden = forShell;
  const startsHere = config?.identity_providers.some((idp) => canStart(idp) && idp.sp_initiated);
  element("console-part").hidden = choice !== null || rest !== null || !config?.console || !startsHere || !cards.some((card) => card.expires);
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
    dropErrand();
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
  shell?.closeShell();
  [choice, rest] = [null, null];
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
  const request = currentErrand()?.request ?? undefined;
  const coming = complete({ choose: true, shell: request });
  const [settings, picked] = await Promise.allSettled([configure({ base, onStep }), coming]);
  config = settings.status === "fulfilled" ? settings.value : config;
  if (picked.status === "rejected") {
    showFailure(picked.reason, 1);
  } else if (picked.value !== null) {
    await receive(Promise.resolve(picked.value)).catch((error) => showFailure(error, 1));
  } else if (settings.status === "rejected") {
    showFailure(settings.reason, 0);
  } else if (wasBroken()) {
    showFailure(new VestibuleError("shell_request_malformed", t("What the program asks for is not in this address.")), 0);
  } else if (request !== undefined && !config?.shell) {
    showFailure(new VestibuleError("shell_off", t("Here nobody can give access to a program.")), 0);
  } else if (isFresh()) {
    setOut();
  } else if (isEmpty() && !leaving) {
    const told = whatWasTold();
    told === undefined ? showSignIn(false) : showTold(told);
  }
}

/** With one provider, or with a named one, at once. */
function setOut() {
  forget();
  const idps = startable();
  const named = currentErrand()?.idp;
  const idp = named ? idps.find(({ name }) => name === named) : idps.length === 1 ? idps[0] : undefined;
  showSignIn(false);
  if (idp) {
    leave(idp);
  }
}

for (const button of document.querySelectorAll("[data-again]")) {
  button.addEventListener("click", again);
}
element("retry").addEventListener("click", arrive);
element("others").addEventListener("click", backToChoice);
element("cancel-choice").addEventListener("click", cancel);
element("give-rest").addEventListener("click", () => rest?.().catch((error) => showFailure(error, 1)));
element("without-it").addEventListener("click", () => {
  dropErrand();
  showSignIn(true);
});
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
  if (event.persisted && leaving && isEmpty() && config !== null) {
    showSignIn(false);
  }
  leaving &&= !event.persisted;
});

await learn();
element("steps").hidden = false;
show("working", false);
await arrive();
