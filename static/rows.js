// The roles as rows of a grid: what each gives, for how long, and why it is not to be had.

import { signInAgain } from "./cards.js";
import { make } from "./document.js";
import { locale, t } from "./words.js";

/** @typedef {import("./vestibule.js").OfferedRole} OfferedRole */

/**
 * A row. Of its cells the `main` one is always there; `way` leads to another sign-in.
 * @typedef {object} Row
 * @property {HTMLElement} root
 * @property {HTMLElement} main
 * @property {HTMLInputElement | null} mark
 * @property {HTMLElement | null} also
 * @property {HTMLElement | null} way
 * @property {OfferedRole | null} offered None in the row above roles that are refused.
 * @property {string} text What is searched.
 */

/** So many stand first because they were used last. */
const RECENT = 5;

/**
 * All in the order in which they are shown, and their groups for the document.
 * @param {OfferedRole[]} roles The recently used first.
 */
export function rowsOf(roles) {
  /** @type {Row[]} */
  const rows = [];
  const open = roles.filter((offered) => !offered.refused);
  const recent = open.filter((offered) => offered.last_used).slice(0, RECENT);
  const rest = open.filter((offered) => !recent.includes(offered)).sort(order);
  const hopeless = (/** @type {OfferedRole} */ { refused }) => Number(!refused?.sign_in_at);
  const refused = roles.filter((offered) => offered.refused).sort((a, b) => hopeless(a) - hopeless(b) || order(a, b));
  const groups = [
    ...(recent.length > 0 ? [groupOf(make("span", {}, t("Recently used")), recent, true, rows)] : []),
    ...groupsOf(rest, ({ account }) => account).map((group) => groupOf(accountHead(group[0]), group, false, rows)),
    ...groupsOf(refused, whyOf).map((group) => refusedGroup(group, rows)),
  ];
  return { rows, groups };
}

/** Without accents and capitals. @param {string} text */
export const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {OfferedRole} offered */
export const accountOf = (offered) => offered.account_name ?? offered.account;

/** @param {OfferedRole} offered */
export const titleOf = (offered) => t("{role} in {account}", { role: offered.name, account: accountOf(offered) });

/** @param {number} amount @param {"hour" | "minute"} unit */
const amountOf = (amount, unit) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(amount);

/** @param {number} seconds */
function timeOf(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const parts = [hours > 0 ? amountOf(hours, "hour") : "", minutes > 0 ? amountOf(minutes, "minute") : ""];
  return parts.filter((part) => part !== "").join(" ");
}

/** @param {string} time */
function agoOf(time) {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 60_000));
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  if (minutes < 60) {
    return relative.format(-minutes, "minute");
  }
  return minutes < 24 * 60 ? relative.format(-Math.round(minutes / 60), "hour") : relative.format(-Math.round(minutes / 1440), "day");
}

const { compare } = new Intl.Collator(locale, { numeric: true });

/** By account, those with a name first. @param {OfferedRole} a @param {OfferedRole} b */
function order(a, b) {
  const named = Number(!a.account_name) - Number(!b.account_name);
  return named || compare(accountOf(a), accountOf(b)) || compare(a.account, b.account) || compare(a.name, b.name);
}

/** @param {OfferedRole} offered */
const whyOf = ({ refused }) => [refused?.error, refused?.message, refused?.sign_in_at].join("\n");

/**
 * @param {OfferedRole[]} roles
 * @param {(offered: OfferedRole) => string} keyOf
 */
function groupsOf(roles, keyOf) {
  /** @type {Map<string, OfferedRole[]>} */
  const groups = new Map();
  for (const offered of roles) {
    groups.set(keyOf(offered), [...(groups.get(keyOf(offered)) ?? []), offered]);
  }
  return [...groups.values()];
}

/** @param {OfferedRole} offered */
function accountHead({ account, account_name }) {
  const number = make("span", { class: "quiet" }, account);
  return account_name === undefined ? make("span", {}, account) : make("span", {}, `${account_name} `, number);
}

/**
 * @param {HTMLElement} head
 * @param {OfferedRole[]} roles
 * @param {boolean} mixed Whether they are of several accounts.
 * @param {Row[]} rows
 */
function groupOf(head, roles, mixed, rows) {
  const name = `group-${rows.length}`;
  const title = make("div", { role: "row", class: "head" }, make("div", { role: "rowheader", id: name }, head));
  return make("div", { role: "rowgroup", "aria-labelledby": name }, title, ...roles.map((offered) => rowOf(offered, mixed, rows)));
}

/**
 * Their sentence once, and the way to get them.
 * @param {OfferedRole[]} roles
 * @param {Row[]} rows
 */
function refusedGroup(roles, rows) {
  const refused = /** @type {NonNullable<OfferedRole["refused"]>} */ (roles[0].refused);
  const name = `group-${rows.length}`;
  const heading = make("strong", {}, t("Not open to you now"));
  const title = make("div", { role: "rowheader", id: name }, heading, make("span", {}, refused.message));
  const head = make("div", { role: "row", class: "head refused" }, title);
  if (refused.sign_in_at) {
    const way = make("a", { class: "button plain", tabindex: "-1" });
    signInAgain(way, refused.sign_in_at);
    head.append(make("div", { role: "gridcell" }, way));
    rows.push({ root: head, main: way, mark: null, also: null, way, offered: null, text: "" });
  }
  const way = refused.sign_in_at ? (rows.at(-1)?.way ?? null) : null;
  return make("div", { role: "rowgroup", "aria-labelledby": name }, head, ...roles.map((offered) => refusedRow(offered, name, way, rows)));
}

/**
 * @param {OfferedRole} offered
 * @param {boolean} mixed
 * @param {Row[]} rows
 */
function rowOf(offered, mixed, rows) {
  const title = titleOf(offered);
  const { duration, limited, ask_reason } = /** @type {import("./vestibule.js").Offer} */ (offered.credentials ?? offered.console);
  const facts = [
    offered.credentials ? "" : t("console only"),
    t("up to {time}", { time: timeOf(duration) }),
    limited ? t("limited by a policy") : "",
    ask_reason ? t("asks for a reason") : "",
    offered.last_used ? t("last used {when}", { when: agoOf(offered.last_used) }) : "",
  ];
  const main = nameCell(offered, mixed, make("span", { class: "facts" }, facts.filter((fact) => fact !== "").join(" · ")));
  main.setAttribute("aria-selected", "false");
  const mark = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", tabindex: "-1", "aria-label": t("Mark {title}", { title }) }));
  const also = offered.console && offered.credentials ? make("button", { type: "button", class: "plain", tabindex: "-1", "aria-label": t("Console: {title}", { title }) }, t("Console")) : null;
  const root = make("div", { role: "row", class: "role" }, make("div", { role: "gridcell", class: "mark" }, make("label", {}, mark)), main);
  root.append(make("div", { role: "gridcell" }, ...(also ? [also] : [])));
  rows.push({ root, main, mark, also, way: null, offered, text: textOf(offered) });
  return root;
}

/**
 * @param {OfferedRole} offered
 * @param {string} why The id of the sentence.
 * @param {HTMLElement | null} way
 * @param {Row[]} rows
 */
function refusedRow(offered, why, way, rows) {
  const main = nameCell(offered, true);
  main.setAttribute("aria-disabled", "true");
  main.setAttribute("aria-describedby", why);
  const root = make("div", { role: "row", class: "role refused" }, main);
  rows.push({ root, main, mark: null, also: null, way, offered, text: textOf(offered) });
  return root;
}

/**
 * @param {OfferedRole} offered
 * @param {boolean} mixed
 * @param {...HTMLElement} facts
 */
function nameCell(offered, mixed, ...facts) {
  const name = make("span", { class: "name" }, make("strong", {}, offered.name));
  if (offered.path && offered.path !== "/") {
    name.append(" ", make("span", { class: "quiet" }, offered.path));
  }
  if (mixed) {
    const account = make("span", { class: "of" }, accountHead(offered));
    name.append(" ", account);
  }
  return make("div", { role: "gridcell", class: "main", tabindex: "-1" }, name, ...facts.flatMap((each) => [" ", each]));
}

/** @param {OfferedRole} offered */
const textOf = ({ account_name, account, path, name }) => fold(`${account_name ?? ""} ${account} ${path}${name}`);
