// The roles among which a person chooses: a grid of one row for each (ARIA practices), a
// search that hides rows, and marks.

import { element, make, say } from "./document.js";
import { fold, rowsOf, titleOf } from "./rows.js";
import { t } from "./words.js";

/** @typedef {import("./vestibule.js").Choice} Choice */
/** @typedef {import("./vestibule.js").OfferedRole} OfferedRole */
/** @typedef {import("./rows.js").Row} Row */
/** @typedef {"credentials" | "console"} Use */
/** @typedef {{ offered: OfferedRole, title: string, use: Use, destination?: string, ask?: string }} Wish */

/** So many the service takes at once. */
const MOST = 10;
/** So many rows PageUp and PageDown go. */
const PAGE = 10;
/** A person types on meanwhile; nobody wants to hear each letter's count. */
const QUIET_MS = 400;

/** In which part of AWS a console is. @param {string} address */
function partitionOf(address) {
  const { hostname } = new URL(address);
  const ends = (/** @type {string} */ name) => hostname === name || hostname.endsWith(`.${name}`);
  const others = { "amazonaws.cn": "aws-cn", "amazonaws-us-gov.com": "aws-us-gov", "amazonaws-eusc.eu": "aws-eusc" };
  return Object.entries(others).find(([name]) => ends(name))?.[1] ?? "aws";
}

/** @type {Choice | null} */
let choice = null;
/** @type {(wishes: Wish[]) => void} */
let onWish = () => {};
/** @type {Row[]} All, in the order in which they are shown. */
let rows = [];
/** @type {Row[]} Those that the search leaves. */
let found = [];
/** @type {Set<Row>} */
let marked = new Set();
/** @type {Row | null} */
let current = null;
let telling = 0;
let most = MOST;
/** What a role gives first. @type {Use} */
let first = "credentials";

const search = () => /** @type {HTMLInputElement} */ (element("search"));
const destination = () => /** @type {HTMLSelectElement} */ (element("destination"));

/**
 * @param {Choice} opened
 * @param {(wishes: Wish[]) => void} wished Hears what the person takes.
 * @param {{ most?: number, first?: Use, role?: string }} [wishes] How many can be taken, what they
 *   give first, and which of them Enter takes.
 */
export function openChooser(opened, wished, wishes = {}) {
  [choice, onWish, marked] = [opened, wished, new Set()];
  [most, first] = [wishes.most ?? MOST, wishes.first ?? "credentials"];
  search().value = "";
  element("chooser").textContent = t("You are {user}, signed in with {name}.", { user: opened.user, name: opened.idp });
  const made = rowsOf(opened.roles);
  rows = made.rows;
  rows.forEach(listen);
  element("roles").replaceChildren(...made.groups);
  element("keys").textContent =
    opened.shell === null ? t("↑ ↓ move, Enter takes, Space marks several, Alt+Enter opens the console.") : most > 1 ? t("↑ ↓ move, Enter takes, Space marks several.") : t("↑ ↓ move, Enter takes.");
  element("take-marked").textContent = opened.shell === null ? t("Get credentials") : t("Continue");
  element("roles").classList.toggle("consoles", rows.some(({ also }) => also !== null));
  listDestinations(opened);
  find();
  showMarks();
  setCurrent(found.find(({ offered }) => offered !== null && offered.role === wishes.role) ?? current);
}

/** The mouse and fingers. @param {Row} row */
function listen(row) {
  const { main, mark, also } = row;
  main.addEventListener("click", () => {
    setCurrent(row);
    mark !== null && marked.size > 0 ? toggle(row) : take(row);
  });
  mark?.addEventListener("change", () => {
    setCurrent(row);
    toggle(row);
  });
  also?.addEventListener("click", () => {
    setCurrent(row);
    wish([row], "console");
  });
}

/** What is open, and what was marked, is forgotten. */
export function closeChooser() {
  [choice, rows, found, current] = [null, [], [], null];
  marked.clear();
  search().value = "";
  element("roles").replaceChildren();
}

/** The chooser again, as it was, but for the marks. */
export function focusChooser() {
  unmark();
  search().focus();
  search().select();
  current?.root.scrollIntoView({ block: "nearest" });
  tell();
}

/** How long it can still be chosen, where that is not long. @param {number} left In seconds. @param {string} words */
export function showClosing(left, words) {
  element("closing").hidden = left > 120;
  element("closing").textContent = t("{time} left to choose.", { time: words });
  if (left === 60) {
    say(t("One minute is left to choose."));
  }
}

/** Shows the rows that have every word. */
function find() {
  // AWS writes an account's number as 1234-5678-9012 too.
  const words = fold(search().value).split(/\s+/).map((word) => (/^[\d-]+$/.test(word) ? word.replaceAll("-", "") : word));
  for (const row of rows) {
    row.root.hidden = row.offered === null || !words.every((word) => row.text.includes(word));
  }
  for (const group of element("roles").children) {
    const [head, ...others] = /** @type {HTMLCollectionOf<HTMLElement>} */ (group.children);
    /** @type {HTMLElement} */ (group).hidden = others.every(({ hidden }) => hidden);
    head.hidden = false;
  }
  found = rows.filter((row) => !row.root.hidden && !(/** @type {HTMLElement} */ (row.root.parentElement).hidden));
  setCurrent(found.find((row) => row.mark) ?? found[0] ?? null);
  element("found").textContent = counted();
}

function counted() {
  if (found.length === 0) {
    return t("No role has all these words.");
  }
  const open = found.filter((row) => row.mark);
  const accounts = new Set(open.map((row) => row.offered?.account)).size;
  const refused = found.filter((row) => row.offered?.refused).length;
  const roles = open.length === 1 ? t("One role.") : accounts === 1 ? t("{roles} roles in one account.", { roles: open.length }) : t("{roles} roles in {accounts} accounts.", { roles: open.length, accounts });
  return refused > 0 ? `${roles} ${t("Not open to you now: {roles}.", { roles: refused })}` : roles;
}

/** Says what the search leaves, and what Enter takes. */
function tell() {
  clearTimeout(telling);
  telling = setTimeout(() => {
    const next = current?.mark && current.offered ? t("Enter takes {title}.", { title: titleOf(current.offered) }) : "";
    say(`${counted()} ${next}`);
  }, QUIET_MS);
}

/** @param {Row | null} row */
function setCurrent(row) {
  current?.root.classList.remove("current");
  current?.main.setAttribute("tabindex", "-1");
  current = row;
  row?.root.classList.add("current");
  // The one place in the grid where Tab stops.
  row?.main.setAttribute("tabindex", "0");
}

/**
 * To the row so many further, in the same column where it has one.
 * @param {number} step
 */
function move(step) {
  const [at, active] = [current === null ? -1 : found.indexOf(current), document.activeElement];
  if (at + step < 0 && step === -1) {
    search().focus();
    return;
  }
  const column = current?.mark === active ? "mark" : current?.also === active ? "also" : "main";
  const row = found[Math.max(0, Math.min(found.length - 1, at + step))];
  if (row) {
    setCurrent(row);
    (row[column] ?? row.main).focus();
  }
}

/** To the next cell of the row. @param {number} step */
function moveAside(step) {
  const cells = [current?.mark, current?.main, current?.also].filter((cell) => cell instanceof HTMLElement);
  cells[cells.findIndex((cell) => cell === document.activeElement) + step]?.focus();
}

/** @param {Row} row */
function toggle(row) {
  if (row.mark === null) {
    return;
  }
  // What the search left is no news any more, and would talk over this.
  clearTimeout(telling);
  if (marked.has(row)) {
    marked.delete(row);
  } else if (marked.size < most) {
    marked.add(row);
  } else {
    row.mark.checked = false;
    const full = most === 1 ? t("Another device can have one role only.") : t("No more than {most} roles at once.", { most });
    element("marked-count").textContent = full;
    say(full);
    return;
  }
  const now = marked.has(row);
  row.mark.checked = now;
  row.main.setAttribute("aria-selected", String(now));
  row.root.classList.toggle("chosen", now);
  showMarks();
  say(t("{count} of {most} marked.", { count: marked.size, most }));
}

function unmark() {
  for (const row of marked) {
    row.root.classList.remove("chosen");
    row.main.setAttribute("aria-selected", "false");
    if (row.mark) {
      row.mark.checked = false;
    }
  }
  marked.clear();
  showMarks();
}

function showMarks() {
  const all = [...marked].flatMap(({ offered }) => offered ?? []);
  element("marked").hidden = all.length === 0;
  element("roles").classList.toggle("marking", all.length > 0);
  element("marked-count").textContent = t("{count} of {most} marked.", { count: all.length, most });
  element("marked-names").textContent = all.map(titleOf).join(", ");
  element("take-marked").hidden = !all.some((offered) => offered.credentials);
  element("open-marked").hidden = !all.some((offered) => offered.console);
}

/** Where the console opens: a program gets credentials. @param {Choice} opened */
function listDestinations({ destinations, roles, shell }) {
  const partitions = new Set(roles.flatMap((offered) => (offered.console && shell === null ? [offered.partition] : [])));
  const usable = destinations.filter((address) => partitions.has(partitionOf(address)));
  const options = usable.map((address) => make("option", { value: address }, address.replace("https://", "")));
  destination().replaceChildren(...options);
  const several = [...partitions].some((of) => usable.filter((address) => partitionOf(address) === of).length > 1);
  element("destination-part").hidden = !several;
}

/** The one that the person selected, where it is in the role's part of AWS. @param {OfferedRole} offered */
function destinationFor({ partition }) {
  const selected = destination().value;
  return selected !== "" && partitionOf(selected) === partition ? selected : undefined;
}

/**
 * @param {Row[]} wished
 * @param {Use} [use] What they give first, without it.
 */
function wish(wished, use) {
  const wishes = wishesFor(wished.map(({ offered }) => offered), use);
  if (choice !== null && wishes.length > 0) {
    onWish(wishes);
  }
}

/**
 * @param {(OfferedRole | null)[]} roles
 * @param {Use} [use]
 */
export function wishesFor(roles, use) {
  /** @type {Wish[]} */
  const wishes = [];
  for (const offered of roles) {
    const other = first === "console" ? "credentials" : "console";
    const of = use ?? (offered?.[first] ? first : other);
    if (offered?.[of]) {
      const destination = of === "console" ? destinationFor(offered) : undefined;
      wishes.push({ offered, title: titleOf(offered), use: of, destination, ask: offered[of].ask_reason });
    }
  }
  return wishes;
}

/** @param {Row} row */
function take(row) {
  if (row.way) {
    row.way.focus();
  } else if (row.mark) {
    wish([row]);
  } else if (row.offered?.refused) {
    say(row.offered.refused.message);
  }
}

/** What Enter takes. @param {Use} [use] */
function takeAll(use) {
  if (marked.size > 0) {
    wish([...marked], use);
  } else if (current !== null) {
    use === "console" ? wish([current], use) : take(current);
  }
}

/** @param {Row} row */
function markFromSearch(row) {
  row.main.focus();
  toggle(row);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const { key, target } = event;
  const inSearch = target === search();
  if (event.isComposing || event.ctrlKey || event.metaKey || (event.altKey && key !== "Enter")) {
    return;
  }
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => move(1),
    Enter: () => event.repeat || takeAll(event.altKey ? "console" : undefined),
    // Nobody searches for a blank: it is for the row that stands out.
    ...(inSearch && search().value === "" && { " ": () => current && markFromSearch(current) }),
    ...(!inSearch && {
      ArrowUp: () => move(-1),
      ArrowLeft: () => moveAside(-1),
      ArrowRight: () => moveAside(1),
      Home: () => move(-rows.length),
      End: () => move(rows.length),
      PageUp: () => move(-PAGE),
      PageDown: () => move(PAGE),
      " ": () => current && toggle(current),
      Escape: () => search().focus(),
    }),
  };
  // What a button or a link does by itself, and where a letter goes.
  const own = { " ": target !== current?.main, Enter: target === current?.also || target === current?.way };
  if (!inSearch && own[/** @type {" " | "Enter"} */ (key)] && !event.altKey) {
    return;
  }
  if (keys[key]) {
    event.preventDefault();
    keys[key]();
  } else if (!inSearch && key.length === 1) {
    search().focus();
  }
}

search().addEventListener("input", () => {
  find();
  tell();
});
search().addEventListener("keydown", pressed);
element("roles").addEventListener("keydown", pressed);
// A click or a finger goes to a row too, and the arrows go on from there.
element("roles").addEventListener("focusin", ({ target }) => {
  const row = found.find(({ root }) => root.contains(/** @type {Node} */ (target)));
  if (row && row !== current) {
    setCurrent(row);
  }
});
element("take-marked").addEventListener("click", () => wish([...marked].filter(({ offered }) => offered?.credentials), "credentials"));
element("open-marked").addEventListener("click", () => wish([...marked], "console"));
element("unmark").addEventListener("click", () => {
  unmark();
  search().focus();
});
