// Failures, and other ends: how they are shown, and what the service's sentence does not say.

import { element, show } from "./document.js";
import { t } from "./words.js";

/** A title, and a reason. @type {() => Record<string, { title: string, why?: string }>} */
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
  choice_gone: {
    title: t("That took too long"),
    why: t("Between your sign-in and the last role that you choose there are five minutes. Signing in again takes one click."),
  },
  shell_off: {
    title: t("Programs get nothing here"),
    why: t("The people who run this service decide whether programs on a computer can be given access."),
  },
  other_device_off: {
    title: t("Other devices get nothing here"),
    why: t("Start the program on the computer where your browser is, or ask the people who run this service."),
  },
  shell_request_expired: {
    title: t("That took too long"),
    why: t("What a program asks for is good for ten minutes. Start it again, and follow the new address."),
  },
  shell_request_malformed: {
    title: t("This address is not complete"),
    why: t("Start the program again, and open the whole address that it shows."),
  },
  sealed_for_another: { title: t("This ticket is of another sign-in") },
  seal_broken: { title: t("This ticket cannot be opened") },
  browser_too_old: { title: t("Your browser is in the way") },
  key_not_kept: { title: t("Your browser is in the way") },
  not_https: { title: t("This page is not secure") },
  binding_plain: { title: t("This is the wrong page") },
  storage_blocked: { title: t("Your browser is in the way") },
});

/** @param {string} code @returns {{ title: string, why?: string } | undefined} */
export const explain = (code) => more()[code];

/** What ends what a program asked for: another sign-in does not help it. */
const OVER = ["shell_off", "other_device_off", "shell_request_expired", "shell_request_malformed"];

/** @param {string} code */
export const endsErrand = (code) => OVER.includes(code);

/** Failures after which the same role can be had by choosing it again. */
const AGAIN = ["delivery_uncertain", "gone", "ticket_expired", "unexpected_answer"];

/** @param {string} code */
export const canChooseAgain = (code) => AGAIN.includes(code);

/**
 * The end of what a person was doing here.
 * @param {import("./vestibule.js").Config | null} config
 * @param {string} title
 * @param {string} sentence
 * @param {import("./vestibule.js").VestibuleError | null} [failure]
 * @param {boolean} [again] Whether another sign-in here helps.
 */
export function showEnd(config, title, sentence, failure = null, again = true) {
  element("ended-title").textContent = title;
  element("ended-sentence").textContent = sentence;
  const why = failure && explain(failure.code)?.why;
  element("ended-why").textContent = why ?? "";
  element("ended-why").hidden = !why;
  element("ended-help").hidden = failure === null;
  element("contact").textContent = config?.contact ?? t("your company’s help desk");
  element("reference").textContent = failure?.reference ?? "";
  element("reference").parentElement?.toggleAttribute("hidden", !failure?.reference);
  element("code").textContent = failure?.code ?? "";
  // Without the settings there is nowhere to sign in: they are asked for again.
  element("retry").hidden = config !== null && !failure?.retry;
  element("anew").hidden = config === null || !again;
  show("ended");
}
