// What brought the person here: a program on a computer that waits for roles (`#shell=…`), or
// the AWS console (`#console`). This tab keeps it for the way to the identity provider and back.

/**
 * @typedef {object} Errand
 * @property {string | null} request What the program sent; none where it is for the console.
 * @property {string[]} roles The ARNs of those that are wanted.
 * @property {string | null} idp
 */

const KEY = "vestibule.errand";
/** So many roles the service gives at once. */
const MOST = 10;
/** Longer than any that the service makes. */
const REQUEST = /^[\w.-]{16,2048}$/;
const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/;

/** @type {Errand | null} */
let errand = recall();
/** Whether it has come just now: who goes back to this page decides anew. */
let fresh = false;
/** Whether an address had one that nobody can read. */
let broken = false;

// Before anything else: it leaves the address bar.
takeErrand();
addEventListener("hashchange", takeErrand);

function takeErrand() {
  const found = new URLSearchParams(location.hash.slice(1));
  const request = found.get("shell");
  if (request === null && !found.has("console")) {
    return;
  }
  history.replaceState(history.state, "", location.pathname + location.search);
  const roles = [...new Set(found.getAll("role"))];
  broken = (request !== null && !REQUEST.test(request)) || roles.length > MOST || !roles.every((role) => ROLE.test(role));
  fresh = !broken;
  errand = broken ? null : { request, roles, idp: found.get("idp") };
  keep();
}

/** @returns {Errand | null} */
export const currentErrand = () => errand;

/** @param {Errand} errand */
export const useOf = ({ request }) => (request === null ? "console" : "shell");

/** Whether an address that this page got says nothing. Once. */
export function wasBroken() {
  const was = broken;
  broken = false;
  return was;
}

/** Whether the errand has come just now. Once. */
export function isFresh() {
  const was = fresh;
  fresh = false;
  return was;
}

export function dropErrand() {
  [errand, fresh] = [null, false];
  keep();
}

/** What the program was told, and then the browser left for it. @typedef {"given" | "refused"} Told */

/** The tab's history has it: whoever comes back reads what became of it. @param {Told} told */
export function endErrand(told) {
  dropErrand();
  history.replaceState({ ...history.state, told }, "");
}

/** Once. @returns {Told | undefined} */
export function whatWasTold() {
  const { told, ...state } = history.state ?? {};
  history.replaceState(state, "");
  return told;
}

function keep() {
  try {
    errand === null ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, JSON.stringify(errand));
  } catch {
    // Then no sign-in can come back here either, and `start` says so.
  }
}

/** @returns {Errand | null} */
function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}
