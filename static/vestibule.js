// Vestibule in a page: no dependency, no build step.
//
//   import { configure, start, complete, ping } from "https://vestibule.example.com/vestibule.js";
//
//   configure({ onStep: (step) => console.log(step) });
//   const credentials = await complete();      // null: nobody is coming back from a sign-in
//   if (credentials) await ping(credentials);
//   else button.onclick = () => start();       // leaves for the identity provider
//
// A copy of this file on another server says where its Vestibule is:
// `configure({ base: "https://vestibule.example.com" })`. Either way the page's
// origin stands among `allowed_origins`.
//
// The secrets of a login are in sessionStorage while the person is away, where the service
// seals what it hands over the key for that is in IndexedDB, and credentials are only ever in
// memory.

/** A step that failed. The codes of the service are in its docs/ERRORS.md. */
export class VestibuleError extends Error {
  /**
   * @param {string} code
   * @param {string} sentence
   * @param {string | null} [reference]
   * @param {boolean} [retry]
   * @param {string | null} [ask]
   * @param {string | null} [signInAgain]
   */
  constructor(code, sentence, reference = null, retry = false, ask = null, signInAgain = null) {
    super(sentence);
    this.name = "VestibuleError";
    /** Stable, for programs. */
    this.code = code;
    /** For the person. */
    this.sentence = sentence;
    /** What to read out to the help desk. */
    this.reference = reference;
    /** The same call may be made again, and may succeed. */
    this.retry = retry;
    /** The question to put to the person: `complete({ reason })` with the answer may succeed. */
    this.ask = ask;
    /** Of a role that was chosen: the address where the sign-in begins after which it can be had. */
    this.signInAgain = signInAgain;
  }
}

/**
 * What a Vestibule says about itself (`/config.json`).
 * @typedef {object} Config
 * @property {string} version
 * @property {string} public_url
 * @property {string} acs_url
 * @property {string} region
 * @property {"challenge" | "sealed" | "plain"} binding
 * @property {"fragment" | "query"} jwt_in Where the ticket is in the page's address.
 * @property {boolean} local_credentials Whether the service makes them up: AWS knows nothing of them.
 * @property {"advisory" | "pinned" | "enforced"} rules Whether a person can have a role without the rules, at STS itself.
 * @property {boolean} ping Whether somebody can check a ping.
 * @property {string | null} ping_url What a ping is signed for, if not for where it is sent.
 * @property {string | null} contact Whom a refused person should ask.
 * @property {boolean} [console] Whether a login can end in the AWS console: `start(name, null, "console")`.
 * @property {boolean} [shell] Whether people give roles to programs on a computer, at the built-in page.
 * @property {{ name: string, origin: string }[]} [pages] Those beside the built-in one.
 * @property {IdentityProvider[]} identity_providers
 */

/**
 * Where people can sign in.
 * @typedef {object} IdentityProvider
 * @property {string} name
 * @property {string} label What people read of it.
 * @property {boolean} idp_initiated
 * @property {boolean} sp_initiated Whether the service sends people there itself.
 * @property {string | null} sign_on_url
 * @property {string | null} relying_party_id
 */

/**
 * How a person must sign in, beyond what is configured: `sign_in_again` of a refusal.
 * @typedef {object} StepUp
 * @property {string[]} [authn_context] By one of these (AuthnContextClassRef).
 * @property {boolean} [force_authn] Anew, in spite of a session at the identity provider.
 */

/**
 * What a login ends with. Keep it in memory.
 * @typedef {object} Credentials
 * @property {string} AccessKeyId
 * @property {string} SecretAccessKey
 * @property {string} SessionToken
 * @property {string} Expiration As in RFC 3339.
 * @property {string} role The role's ARN.
 * @property {string} account
 * @property {string} user
 * @property {string} [rule] The name of the rule that decided.
 * @property {boolean} [limited] Whether that rule narrows what the role may do, by session policies.
 */

/**
 * What a login ends with that was for the AWS console. Keep it in memory.
 * @typedef {object} ConsoleSignIn
 * @property {string} ConsoleUrl Signs in whoever opens it, once: open it from a click, and write it nowhere.
 * @property {string} Expiration As in RFC 3339.
 * @property {string} role The role's ARN.
 * @property {string} account
 * @property {string} user
 * @property {string} [rule] The name of the rule that decided.
 * @property {boolean} [limited] Whether that rule narrows what the role may do, by session policies.
 */

/**
 * What a role gives: credentials, or the AWS console.
 * @typedef {object} Offer
 * @property {string} rule The name of the rule that decides.
 * @property {number} duration How long it lasts at most, in seconds.
 * @property {boolean} limited Whether the rule narrows what the role may do.
 * @property {string} [ask_reason] The question whose answer the part needs as its `reason`.
 */

/**
 * One of the person's roles. It has `credentials`, or `console`, or both, or else `refused`.
 * @typedef {object} OfferedRole
 * @property {string} role The role's ARN.
 * @property {string} account
 * @property {string} [account_name]
 * @property {string} name
 * @property {string} path
 * @property {string} partition
 * @property {string} [last_used] As in RFC 3339.
 * @property {Offer} [credentials]
 * @property {Offer} [console]
 * @property {{ error: string, message: string, sign_in_at?: string }} [refused]
 */

/**
 * What is chosen of a role.
 * @typedef {object} Part
 * @property {string} role The role's ARN.
 * @property {"credentials" | "console"} [use] Credentials, without it.
 * @property {string} [reason] What the person answered to `ask_reason`: recorded, 1 to 500 characters.
 * @property {string} [destination] Where the console opens: one of `destinations`.
 */

/**
 * A program on a computer that waits for roles, as the built-in page shows it.
 * @typedef {object} Shell
 * @property {"this_computer" | "another"} device
 * @property {number | null} port Where it listens on this computer.
 * @property {string | null} number What it shows too, to be compared; on another device the person types it.
 * @property {string | null} address From where it asked.
 * @property {string} at When it asked, as in RFC 3339.
 * @property {string | null} redirect_uri Where it listens.
 * @property {string} state
 */

/**
 * What a program gets: tickets that are sealed to it, and where it takes them.
 * @typedef {object} Given
 * @property {({ role: string, ticket: string } | VestibuleError)[]} parts
 * @property {string | null} redirect_uri
 * @property {string} state
 */

/**
 * Who signed a ping.
 * @typedef {object} Pong
 * @property {string} status
 * @property {string} agent
 * @property {string} arn
 */

/**
 * What is happening: leaving for the identity provider; back with a ticket;
 * exchanging it; exchanged. Before that, where the person chooses: asking for the roles,
 * and for what was chosen. And the same for a ping.
 * @typedef {"leaving" | "returned" | "listing" | "choosing" | "fetching" | "received" | "pinging" | "answered"} Step
 */

const STORAGE_KEY = "vestibule.login";
/** Of a sealed login: the name of its key. */
const SEALED_KEY = "vestibule.sealed";
const PLACE_KEY = "vestibule.place";
const BEGUN_KEY = "vestibule.begun";
/** The identity provider where this tab began last. */
const IDP_KEY = "vestibule.idp";
/** Tickets that this tab has shown: their hashes, and what came of it. */
const USED_KEY = "vestibule.used";
/** Of so many a tab knows what came of them. */
const USED_COUNT = 8;
/** A second sign-in from a portal so soon is the first one, come back without its RelayState. */
const BEGUN_MS = 60_000;
/** A connection that says nothing for so long will not say anything. */
const PATIENCE_MS = 20_000;
/** Ten roles are ten answers of AWS's. */
const CHOOSING_MS = 60_000;
/** A request is answered within an hour at most, whatever is configured: its key opens nothing after that. */
const KEY_MS = 65 * 60_000;
/** Chromium gives a value as long as this a file of its own, which goes with it. What is shorter it only marks as gone. */
const PAD_BYTES = 128 * 1024;
const encoder = new TextEncoder();

// esbuild leaves `import.meta` empty in a script that is no module. Vite takes
// `new URL(".", import.meta.url)`, written just so, for a file to copy.
let base = new URL(".", import.meta.url ?? location.href).href.replace(/\/+$/, "");
/** @type {(step: Step) => void} */
let onStep = () => {};
/** @type {Promise<Config> | null} */
let config = null;
/** Whether each login starts by a request of the service: what is sealed does. */
let startsHereOnly = false;

// Before anything else, and whatever the page does later: what stays in the
// address bar can be read there, copied, and gone back to. (Browsers write down
// addresses by themselves the moment they are redirected to. A ticket found
// there is spent, or too old, or lacks the verifier of this tab.)
let ticket = takeTicket();
/** No ticket, but a login to begin: of who began at a provider's portal, or was refused. */
let toBegin = takeToBegin();
/** Whether this document is being left for the one where the login began. */
const moving = ticket !== null && comeBack(ticket);
globalThis.addEventListener?.("hashchange", () => {
  ticket = takeTicket() ?? ticket;
  toBegin = takeToBegin() ?? toBegin;
});

/**
 * For what waits for the person, or for a choice among roles.
 * @typedef {{ kind: "jwt" | "choice", bearer: string }} Ticket
 */

/** @returns {Ticket | null} */
function takeTicket() {
  if (!/jwt=|choice=/.test(globalThis.location?.href ?? "")) {
    return null;
  }
  const url = new URL(location.href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const kind = fragment.has("choice") ? "choice" : "jwt";
  let bearer = fragment.get(kind);
  if (bearer !== null) {
    url.hash = "";
  } else {
    // `jwt_in = "query"`, for pages that cannot do otherwise.
    bearer = url.searchParams.get("jwt");
    url.searchParams.delete("jwt");
  }
  if (bearer === null) {
    return null;
  }
  history.replaceState(history.state, "", url);
  return { kind, bearer };
}

/**
 * What a login is for, beside credentials for this page.
 * @typedef {"console" | "shell"} ForUse
 */

/** @returns {{ name: string, stepUp: StepUp | null, use?: ForUse } | null} */
function takeToBegin() {
  const found = new URLSearchParams((globalThis.location?.hash ?? "").slice(1));
  const name = found.get("sign-in");
  if (name === null) {
    return null;
  }
  history.replaceState(history.state, "", location.pathname + location.search);
  // Whoever wrote this address: the service takes what its rules ask for, and nothing else.
  const [authn_context, force_authn] = [found.getAll("authn_context"), found.get("force_authn") === "true"];
  return {
    name,
    stepUp: authn_context.length > 0 || force_authn ? { authn_context, force_authn } : null,
    use: useOf(found.get("use")),
  };
}

/** @param {string | null} name @returns {ForUse | undefined} */
function useOf(name) {
  return name === "console" || name === "shell" ? name : undefined;
}

/**
 * To the path, query and fragment that the person left: the service sends everybody to
 * the same address. The document there takes the ticket.
 * @param {Ticket} found
 * @returns {boolean} Whether this document is left for it.
 */
function comeBack(found) {
  const place = read(PLACE_KEY) ?? "";
  remove(PLACE_KEY);
  const [path] = place.split("#", 1);
  const hash = place.slice(path.length);
  const here = location.pathname + location.search;
  // Of this origin, whatever the path looks like.
  if (path.startsWith("/") && path !== here) {
    // Once: a server may know that document by another path.
    write(PLACE_KEY, hash);
    location.replace(`${location.origin}${path}#${found.kind}=${found.bearer}`);
    return true;
  }
  history.replaceState(history.state, "", here + hash);
  return false;
}

/**
 * Reads the settings of the Vestibule. The other calls do so by themselves: it
 * is for those who show them, have a copy of this file, or follow the steps.
 * @param {object} [options]
 * @param {string} [options.base] The Vestibule's address, if this file does not come from there.
 * @param {(step: Step) => void} [options.onStep] Hears of each step.
 * @returns {Promise<Config>}
 */
export function configure(options = {}) {
  base = options.base?.replace(/\/+$/, "") ?? base;
  onStep = options.onStep ?? onStep;
  config = call("/config.json").then((/** @type {Config} */ told) => {
    startsHereOnly = told.binding === "sealed";
    return told;
  });
  // Whoever awaits it learns of a failure; nobody has to. The next call asks again.
  config.catch(() => (config = null));
  return config;
}

/**
 * Begins a login: makes session id, verifier and challenge, keeps the verifier and
 * the page's address in this tab, and leaves for the identity provider. Where the service
 * seals what it hands over, it is a key pair in their place, whose private half no script reads.
 * @param {string} [name] Of the identity provider; the first, if there is no name.
 * @param {StepUp | null} [stepUp] For who was refused for want of it. The provider must take requests.
 * @param {ForUse} [use] The login is for the AWS console (or, at the built-in page, for a program
 *   on a computer); where there is no name, at the provider where this tab began last. The
 *   provider must take requests.
 * @returns {Promise<void>}
 */
export async function start(name, stepUp, use) {
  const { binding, identity_providers, pages } = await (config ?? configure());
  if (binding !== "challenge" && binding !== "sealed") {
    throw new VestibuleError("binding_plain", "The service is set up for another page than this one.");
  }
  // What begins at a provider belongs to the built-in page.
  const page = pages?.find(({ origin }) => origin === location.origin)?.name ?? null;
  const takes = stepUp || use || page || startsHereOnly ? (/** @type {IdentityProvider} */ idp) => idp.sp_initiated : canStart;
  const wanted = name ?? (use && read(IDP_KEY));
  const idp = identity_providers.find((idp) => takes(idp) && idp.name === (wanted ?? idp.name));
  if (!idp) {
    throw new VestibuleError(
      "sign_on_unknown",
      "This sign-in cannot begin here. Please begin at your company's sign-in page.",
    );
  }
  if (!globalThis.crypto?.subtle) {
    throw new VestibuleError("not_https", "Signing in works on a page with https only.");
  }
  const session = base64url(random(16));
  const { claim, kept } = await (startsHereOnly ? newKey(session) : newVerifier());
  const here = location.pathname + location.search + location.hash;
  // Who was refused began elsewhere, and has not come back there.
  const place = (stepUp && read(PLACE_KEY)) || here;
  const [own, other] = startsHereOnly ? [SEALED_KEY, STORAGE_KEY] : [STORAGE_KEY, SEALED_KEY];
  remove(other);
  if (!(write(own, kept) && write(PLACE_KEY, place))) {
    throw new VestibuleError(
      "storage_blocked",
      "Your browser does not let this page keep anything, so it could not complete a sign-in. Please allow it to.",
    );
  }
  write(IDP_KEY, idp.name);
  const relayState = `${session}##${claim}`;
  const permit = startsHereOnly ? await permitOf(relayState, page) : null;
  onStep("leaving");
  location.assign(signOnUrl(idp, relayState, { page, stepUp, use, permit }));
}

async function newVerifier() {
  const kept = base64url(random(32));
  return { claim: base64url(await sha256(kept)), kept };
}

/**
 * That this page asks, and no link somewhere: the address where a sealed login starts needs it.
 * @param {string} relayState
 * @param {string | null} page
 * @returns {Promise<string>}
 */
async function permitOf(relayState, page) {
  const asked = new URLSearchParams({ RelayState: relayState, ...(page !== null && { page }) });
  return (await call("/saml/login", {}, asked)).permit;
}

/**
 * Whether a login at it can begin in a page.
 * @param {IdentityProvider} idp
 */
export function canStart(idp) {
  return (idp.sign_on_url !== null && !startsHereOnly) || idp.sp_initiated;
}

/**
 * To its own sign-on page where one is set up, else by a request of the service, which
 * alone can ask for a step-up, or say which page begins, and what for; and seal.
 * AD FS takes its relying party and our RelayState inside one RelayState,
 * encoded twice; others take ours as it is.
 * @param {IdentityProvider} idp
 * @param {string} relayState
 * @param {{ page: string | null, stepUp?: StepUp | null, use?: ForUse, permit: string | null }} wishes
 */
function signOnUrl(idp, relayState, { page, stepUp, use, permit }) {
  if (stepUp || page || use || permit !== null || !idp.sign_on_url) {
    const contexts = (stepUp?.authn_context ?? []).map((context) => `&authn_context=${encodeURIComponent(context)}`);
    const force = stepUp?.force_authn ? "&force_authn=true" : "";
    const query = `idp=${encodeURIComponent(idp.name)}&RelayState=${encodeURIComponent(relayState)}`;
    const from = page === null ? "" : `&page=${encodeURIComponent(page)}`;
    const more = `${use ? `&use=${use}` : ""}${permit === null ? "" : `&permit=${encodeURIComponent(permit)}`}`;
    return `${base}/saml/login?${query}${from}${contexts.join("")}${force}${more}`;
  }
  const inner = idp.relying_party_id
    ? `RPID=${encodeURIComponent(idp.relying_party_id)}&RelayState=${encodeURIComponent(relayState)}`
    : relayState;
  const separator = idp.sign_on_url.includes("?") ? "&" : "?";
  return `${idp.sign_on_url}${separator}RelayState=${encodeURIComponent(inner)}`;
}

/**
 * Completes a login, if the person came back with a ticket: exchanges it, once. Where
 * the person signed in at the provider's portal, or wants to sign in again after a refusal,
 * it begins a login here and leaves.
 * After an error whose `retry` is true the ticket is still here, and another
 * call may succeed; so it is after one with `ask`, for five minutes, and the call needs the
 * person's answer. After any other answer it is forgotten.
 * @overload
 * @param {object} [options]
 * @param {string} [options.reason] What the person answered to `ask`: recorded, 1 to 500 characters.
 * @param {false} [options.choose]
 * @returns {Promise<Credentials | null>} null: there is no ticket
 */
/**
 * And for a page with `choose = true`, or whose logins are for the console: a person with
 * several roles comes back with a choice among them.
 * @overload
 * @param {object} options
 * @param {string} [options.reason]
 * @param {true} options.choose
 * @param {string} [options.shell] At the built-in page: what the program sent that waits for the choice.
 * @returns {Promise<Credentials | ConsoleSignIn | Choice | null>}
 */
/**
 * @param {object} [options]
 * @param {string} [options.reason]
 * @param {boolean} [options.choose]
 * @param {string} [options.shell]
 * @returns {Promise<any>}
 */
export function complete(options = {}) {
  // Frameworks like to call twice what the page meant once.
  underway ??= exchange(options).finally(() => (underway = null));
  return underway;
}

/** @type {Promise<Credentials | ConsoleSignIn | Choice | null> | null} */
let underway = null;

/**
 * @param {{ reason?: string, choose?: boolean, shell?: string }} options
 * @returns {Promise<Credentials | ConsoleSignIn | Choice | null>}
 */
async function exchange({ reason, choose, shell }) {
  if (moving) {
    return new Promise(() => {});
  }
  if (ticket === null) {
    return toBegin === null ? null : begin(toBegin);
  }
  const shown = ticket;
  onStep("returned");
  const claim = await ownClaim();
  const used = await outcomeOf(shown.bearer);
  if (claim === null || used !== null) {
    ticket = ticket === shown ? null : ticket;
    throw unusable(used);
  }
  try {
    const received = await (shown.kind === "jwt" ? take(shown.bearer, claim, reason) : list(shown.bearer, claim, choose, shell));
    await forget(shown, "received");
    onStep("received");
    return received;
  } catch (error) {
    if (!(error instanceof VestibuleError && (error.retry || error.code.startsWith("reason_")))) {
      await forget(shown, "refused");
    }
    throw error;
  }
}

/**
 * What shows that a login is this tab's: the verifier of its challenge, or the key that its
 * answers are sealed to.
 * @typedef {{ verifier: string } | { session: string, key: CryptoKey }} Claim
 */

/** @returns {Promise<Claim | null>} */
async function ownClaim() {
  const [verifier, name] = [read(STORAGE_KEY), read(SEALED_KEY)];
  if (verifier !== null || name === null) {
    return verifier === null ? null : { verifier };
  }
  const kept = await keys("readonly", (keys) => keys.get(name)).catch(() => null);
  return kept ? { session: sessionOf(name), key: kept.key } : null;
}

/**
 * @param {string} given
 * @param {Claim} claim
 * @param {string} [reason]
 * @returns {Promise<Credentials | ConsoleSignIn>}
 */
async function take(given, claim, reason) {
  onStep("fetching");
  const said = reason !== undefined && { "Vestibule-Reason": encodeURIComponent(encodable(reason)) };
  const answer = await call("/saml", { ...(await proof(given, claim)), ...said });
  return "key" in claim ? JSON.parse(await unseal(answer.jwe, claim)) : answer;
}

/**
 * @param {string} given
 * @param {Claim} claim
 * @param {boolean} [choose]
 * @param {string} [shell]
 */
async function list(given, claim, choose, shell) {
  if (!choose) {
    throw new VestibuleError(
      "choice_unexpected",
      "You have several roles, and this page does not let you choose one. Please ask for help.",
    );
  }
  onStep("listing");
  const shown = { ...(await proof(given, claim)), ...(shell !== undefined && { "Vestibule-Shell": shell }) };
  return new Choice(await call("/saml/choice", shown), shown, claim);
}

/**
 * @param {string} given The ticket, sealed where that is the binding.
 * @param {Claim} claim
 * @returns {Promise<Record<string, string>>}
 */
async function proof(given, claim) {
  return "key" in claim
    ? { Authorization: `Bearer ${await unseal(given, claim)}` }
    : { Authorization: `Bearer ${given}`, "Vestibule-Verifier": claim.verifier };
}

/** Half a character, which a paste can leave, cannot be encoded. @param {string} text */
function encodable(text) {
  return text.replace(/\p{Cs}/gu, "\ufffd");
}

/** The roles among which a person chooses, for some minutes. It is in memory only. */
export class Choice {
  #headers;
  #claim;

  /**
   * @param {{ user: string, idp: string, expires: string, destinations?: string[], roles: OfferedRole[], shell?: Shell }} listing
   * @param {Record<string, string>} headers
   * @param {Claim} claim
   */
  constructor(listing, headers, claim) {
    this.#headers = headers;
    this.#claim = claim;
    this.user = listing.user;
    /** The name of the identity provider. */
    this.idp = listing.idp;
    /** Until when the person can choose, as in RFC 3339. */
    this.expires = listing.expires;
    /** Where the console can open. */
    this.destinations = listing.destinations ?? [];
    /** The recently used first, then by account; those that are refused last. */
    this.roles = listing.roles;
    /** The program that waits for it, if one does. */
    this.shell = listing.shell ?? null;
  }

  /**
   * Gets one to ten roles. Each is a login of its own, and what it ends with comes in the
   * order of `parts`: an error, where it failed. It can be called again, also for the same.
   * @param {Part[]} parts
   * @returns {Promise<(Credentials | ConsoleSignIn | VestibuleError)[]>}
   */
  async choose(parts) {
    const answers = await this.#ask(parts, "credentials");
    const received = await Promise.all(
      answers.parts.map(({ ticket, refused }) =>
        ticket === undefined
          ? refusal(refused)
          : take(ticket, this.#claim).catch((error) => {
              if (error instanceof VestibuleError) {
                return error;
              }
              throw error;
            }),
      ),
    );
    onStep("received");
    return received;
  }

  /**
   * Gives one to ten roles to the program that waits, for whose key their tickets are sealed.
   * @param {Part[]} parts
   * @param {string} [number] What the person typed, for a program on another device.
   * @returns {Promise<Given>}
   */
  async give(parts, number) {
    const answer = await this.#ask(parts, "shell", { request: this.#headers["Vestibule-Shell"], number });
    const given = answer.parts.map(({ role, ticket, refused }) => (ticket === undefined ? refusal(refused) : { role, ticket }));
    return { parts: given, redirect_uri: answer.shell?.redirect_uri ?? null, state: answer.shell?.state ?? "" };
  }

  /**
   * @param {Part[]} parts
   * @param {"credentials" | "shell"} unsaid
   * @param {{ request: string, number?: string }} [shell]
   * @returns {Promise<{ parts: { role: string, ticket?: string, refused?: any }[], shell?: { redirect_uri: string | null, state: string } }>}
   */
  #ask(parts, unsaid, shell) {
    onStep("choosing");
    const wanted = parts.map(({ role, use = unsaid, reason, destination }) => ({
      role,
      use,
      reason: typeof reason === "string" ? encodable(reason) : undefined,
      destination,
    }));
    return call("/saml/choice", this.#headers, { parts: wanted, shell });
  }
}

/** Why this tab cannot show its ticket. @param {string | null} used */
function unusable(used) {
  if (used === "received") {
    return new VestibuleError(
      "ticket_used",
      "This sign-in was already completed in this tab, and a ticket works once. Please sign in again.",
    );
  }
  if (used === "refused") {
    return new VestibuleError(
      "ticket_used",
      "This tab has shown this ticket before, and it was refused. Please sign in again.",
    );
  }
  return new VestibuleError(
    "verifier_lost",
    "This tab has no proof that the sign-in began here. Please sign in again.",
  );
}

/** What came of a ticket that this tab has shown. @param {string} bearer */
async function outcomeOf(bearer) {
  const mark = await markOf(bearer);
  const found = (read(USED_KEY) ?? "").split(" ").find((used) => mark !== null && used.startsWith(`${mark}=`));
  return found?.split("=")[1] ?? null;
}

/** A spent ticket still says who signed in: only its hash is kept. @param {string} bearer */
async function markOf(bearer) {
  return globalThis.crypto?.subtle ? base64url(await sha256(bearer)) : null;
}

/**
 * What a portal's tile could not do: nobody waited for what it brought. Or what a person
 * wants who was refused.
 * @param {{ name: string, stepUp: StepUp | null, use?: ForUse }} login
 * @returns {Promise<null>}
 */
async function begin({ name, stepUp, use }) {
  toBegin = null;
  if (stepUp) {
    // The person asked for it, by a button: no portal brings anybody here like this.
    await start(name, stepUp, use);
    return null;
  }
  const since = Date.now() - Number(read(BEGUN_KEY));
  remove(BEGUN_KEY);
  if (since >= 0 && since < BEGUN_MS) {
    throw new VestibuleError(
      "relay_state_missing",
      "Your company's sign-in service does not say where you began, so the sign-in cannot come back here.",
    );
  }
  write(BEGUN_KEY, String(Date.now()));
  await start(name);
  return null;
}

/** @param {string} key @returns {string | null} */
function read(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value @returns {boolean} Whether the browser keeps it. */
function write(key, value) {
  try {
    sessionStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} key */
function remove(key) {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Then nothing is kept.
  }
}

/**
 * A verifier is for one login, and so is a key.
 * @param {Ticket} shown
 * @param {"received" | "refused"} outcome
 */
async function forget(shown, outcome) {
  const name = read(SEALED_KEY);
  if (name !== null) {
    await keys("readwrite", (keys) => keys.delete(name)).catch(() => {});
  }
  remove(SEALED_KEY);
  remove(STORAGE_KEY);
  remove(BEGUN_KEY);
  const mark = await markOf(shown.bearer);
  if (mark !== null) {
    const others = (read(USED_KEY) ?? "").split(" ").filter((used) => used !== "");
    write(USED_KEY, [...others, `${mark}=${outcome}`].slice(-USED_COUNT).join(" "));
  }
  // Meanwhile the next may have come.
  ticket = ticket === shown ? null : ticket;
}

// --- What is sealed

/**
 * A key pair for one login, kept until what is sealed to it was taken.
 * @param {string} session
 */
async function newKey(session) {
  let pair;
  try {
    pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("X25519", false, ["deriveBits"]));
  } catch {
    throw new VestibuleError(
      "browser_too_old",
      "Your browser cannot make the key that this sign-in needs. Please update it, or use another one.",
    );
  }
  const claim = base64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const kept = `${new Date().toISOString()} ${session}`;
  const before = IDBKeyRange.upperBound(new Date(Date.now() - KEY_MS).toISOString());
  const pad = new Uint8Array(PAD_BYTES);
  // At most 65,536 bytes at once.
  for (let at = 0; at < PAD_BYTES; at += 65_536) {
    crypto.getRandomValues(pad.subarray(at, at + 65_536));
  }
  try {
    await keys("readwrite", (keys) => {
      keys.delete(before);
      return keys.put({ key: pair.privateKey, pad }, kept);
    });
  } catch {
    throw new VestibuleError(
      "key_not_kept",
      "Your browser does not let this page keep the key that this sign-in needs. Please allow it to, or leave the private window.",
    );
  }
  return { claim, kept };
}

/** @param {string} name Of a key: when it was made, and for which session. */
const sessionOf = (name) => name.split(" ")[1];

/**
 * @param {IDBTransactionMode} mode
 * @param {(keys: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>} When it is on the disk.
 */
async function keys(mode, ask) {
  const opening = indexedDB.open("vestibule", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  const database = await new Promise((resolve, reject) => {
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("keys", mode, { durability: "strict" });
      const asked = ask(transaction.objectStore("keys"));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/**
 * Opens a compact JWE (RFC 7516; ECDH-ES of RFC 7518 4.6 with X25519 of RFC 8037, A256GCM).
 * Whoever knows a public key can seal to it. So what names another session is not tried at all.
 * @param {string} jwe
 * @param {{ session: string, key: CryptoKey }} claim
 * @returns {Promise<string>}
 */
async function unseal(jwe, { session, key }) {
  const [encoded, wrapped, iv, ciphertext, tag, ...more] = String(jwe).split(".");
  const header = headerOf(encoded);
  const own = base64url(encoder.encode(session));
  if (header?.apv !== own) {
    throw new VestibuleError(
      "sealed_for_another",
      "What came back is sealed for another sign-in than that of this tab, and nothing was taken. Please sign in again.",
    );
  }
  try {
    const { alg, enc, epk, apu = "" } = header;
    const isOther = alg !== "ECDH-ES" || enc !== "A256GCM" || "crit" in header || "zip" in header;
    if (isOther || wrapped !== "" || bytesOf(iv).length !== 12 || bytesOf(tag).length !== 16 || more.length > 0) {
      throw new TypeError();
    }
    const { kty, crv, x } = epk;
    const epublic = await crypto.subtle.importKey("jwk", { kty, crv, x }, "X25519", false, []);
    const agreed = await crypto.subtle.deriveBits({ name: "X25519", public: epublic }, key, 256);
    // One round of the Concat KDF: its number, the secret, for what, from whom, to whom, how many bits.
    const derived = [uint32(1), new Uint8Array(agreed), withLength(encoder.encode(enc)), withLength(bytesOf(apu)), withLength(bytesOf(own)), uint32(256)];
    const secret = await crypto.subtle.digest("SHA-256", joined(derived));
    const aes = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["decrypt"]);
    const algorithm = { name: "AES-GCM", iv: bytesOf(iv), additionalData: encoder.encode(encoded) };
    const opened = await crypto.subtle.decrypt(algorithm, aes, joined([bytesOf(ciphertext), bytesOf(tag)]));
    return new TextDecoder().decode(opened);
  } catch {
    throw new VestibuleError("seal_broken", "What came back cannot be opened by this tab. Please sign in again.");
  }
}

/** @param {string} encoded @returns {any} */
function headerOf(encoded) {
  try {
    return JSON.parse(new TextDecoder().decode(bytesOf(encoded)));
  } catch {
    return null;
  }
}

/** @param {number} value */
function uint32(value) {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

/** @param {Uint8Array} bytes */
function withLength(bytes) {
  return joined([uint32(bytes.length), bytes]);
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

/**
 * Asks the Vestibule who these credentials are, by a request that they sign.
 * @param {Credentials} credentials
 * @returns {Promise<Pong>}
 */
export async function ping(credentials) {
  const { region, ping_url } = await (config ?? configure());
  onStep("pinging");
  // A gateway checks the address by which it knows itself.
  const url = new URL(ping_url ?? `${base}/users`);
  const pong = await call("/users", await sign(url, credentials, region, new Date()));
  onStep("answered");
  return pong;
}

/**
 * A credential provider: what clients of the AWS SDK for JavaScript v3 take as
 * `credentials`. Nothing renews them. From their `Expiration` on, by the clock of
 * this computer, it throws `credentials_expired`, and the page offers a new login.
 * @param {Credentials} credentials
 * @returns {() => Promise<{ accessKeyId: string, secretAccessKey: string, sessionToken: string, expiration: Date }>}
 */
export function credentialProvider(credentials) {
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = credentials;
  const expiration = new Date(credentials.Expiration);
  return async () => {
    if (expiration.getTime() <= Date.now()) {
      throw new VestibuleError("credentials_expired", "Your AWS credentials have expired. Please sign in again.");
    }
    return { accessKeyId, secretAccessKey, sessionToken, expiration };
  };
}

/**
 * The headers that sign a GET without query and body (AWS Signature Version 4).
 * @param {URL} url
 * @param {Credentials} credentials
 * @param {string} region
 * @param {Date} now
 */
async function sign(url, credentials, region, now) {
  const amzDate = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = amzDate.slice(0, 8);
  const scope = `${date}/${region}/execute-api/aws4_request`;
  const signedHeaders = "host;x-amz-date;x-amz-security-token";
  const canonicalRequest = [
    "GET",
    url.pathname,
    "",
    `host:${url.host}`,
    `x-amz-date:${amzDate}`,
    `x-amz-security-token:${credentials.SessionToken}`,
    "",
    signedHeaders,
    hex(await sha256("")),
  ].join("\n");
  const stringToSign = ["AWS4-HMAC-SHA256", amzDate, scope, hex(await sha256(canonicalRequest))].join("\n");
  let key = encoder.encode(`AWS4${credentials.SecretAccessKey}`);
  for (const part of [date, region, "execute-api", "aws4_request"]) {
    key = await hmac(key, part);
  }
  return {
    Authorization:
      `AWS4-HMAC-SHA256 Credential=${credentials.AccessKeyId}/${scope}, ` +
      `SignedHeaders=${signedHeaders}, Signature=${hex(await hmac(key, stringToSign))}`,
    "X-Amz-Date": amzDate,
    "X-Amz-Security-Token": credentials.SessionToken,
  };
}

/**
 * One GET, or one POST of a body, asked once; what is refused becomes a VestibuleError.
 * @param {string} path
 * @param {Record<string, string>} [headers]
 * @param {object} [body] A form, or JSON.
 * @returns {Promise<any>}
 */
async function call(path, headers = {}, body) {
  const isForm = body instanceof URLSearchParams;
  let response;
  try {
    response = await fetch(base + path, {
      ...(body && { method: "POST", body: isForm ? body : JSON.stringify(body) }),
      headers: { Accept: "application/json", ...(body && !isForm && { "Content-Type": "application/json" }), ...headers },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(body && !isForm ? CHOOSING_MS : PATIENCE_MS),
    });
  } catch {
    throw new VestibuleError(
      "unreachable",
      "The service cannot be reached. Please check your connection, then try again.",
      null,
      true,
    );
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) {
    return answer;
  }
  // API Gateway's own 429 has no retry_after, and took nothing either.
  throw refusal({ reference: response.headers.get("X-Request-Id"), ...answer }, response.status === 429);
}

/**
 * @param {any} answer The service's, or another's.
 * @param {boolean} [retry]
 */
function refusal(answer, retry = false) {
  const { error, message, reference, retry_after, ask, sign_in_at } = answer ?? {};
  return new VestibuleError(
    error ?? "unexpected_answer",
    message || "The service gave an answer that this page does not understand.",
    reference ?? null,
    retry || typeof retry_after === "number",
    ask ?? null,
    // Elsewhere it is what `start` takes.
    typeof sign_in_at === "string" ? sign_in_at : null,
  );
}

/** @param {number} length */
function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** @param {string} text */
async function sha256(text) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

/**
 * @param {Uint8Array<ArrayBuffer>} key
 * @param {string} text
 */
async function hmac(key, text) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text In base64url. */
function bytesOf(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}
