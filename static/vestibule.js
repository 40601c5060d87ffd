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
// The secrets of a login are in sessionStorage while the person is away, and
// credentials only ever in memory.

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
 * @property {"challenge" | "plain"} binding
 * @property {"fragment" | "query"} jwt_in Where the ticket is in the page's address.
 * @property {boolean} local_credentials Whether the service makes them up: AWS knows nothing of them.
 * @property {"advisory" | "pinned" | "enforced"} rules Whether a person can have a role without the rules, at STS itself.
 * @property {boolean} ping Whether somebody can check a ping.
 * @property {string | null} ping_url What a ping is signed for, if not for where it is sent.
 * @property {string | null} contact Whom a refused person should ask.
 * @property {boolean} [console] Whether a login can end in the AWS console: `start(name, null, "console")`.
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
const encoder = new TextEncoder();

// esbuild leaves `import.meta` empty in a script that is no module. Vite takes
// `new URL(".", import.meta.url)`, written just so, for a file to copy.
let base = new URL(".", import.meta.url ?? location.href).href.replace(/\/+$/, "");
/** @type {(step: Step) => void} */
let onStep = () => {};
/** @type {Promise<Config> | null} */
let config = null;

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

/** @returns {{ name: string, stepUp: StepUp | null, use?: "console" } | null} */
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
    use: found.get("use") === "console" ? "console" : undefined,
  };
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
  config = call("/config.json");
  // Whoever awaits it learns of a failure; nobody has to. The next call asks again.
  config.catch(() => (config = null));
  return config;
}

/**
 * Begins a login: makes session id, verifier and challenge, keeps the verifier and
 * the page's address in this tab, and leaves for the identity provider.
 * @param {string} [name] Of the identity provider; the first, if there is no name.
 * @param {StepUp | null} [stepUp] For who was refused for want of it. The provider must take requests.
 * @param {"console"} [use] The login is for the AWS console; where there is no name, at the
 *   provider where this tab began last. The provider must take requests.
 * @returns {Promise<void>}
 */
export async function start(name, stepUp, use) {
  const { binding, identity_providers, pages } = await (config ?? configure());
  if (binding !== "challenge") {
    throw new VestibuleError("binding_plain", "The service is set up for another page than this one.");
  }
  // What begins at a provider belongs to the built-in page.
  const page = pages?.find(({ origin }) => origin === location.origin)?.name ?? null;
  const takes = stepUp || use || page ? (/** @type {IdentityProvider} */ idp) => idp.sp_initiated : canStart;
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
  const verifier = base64url(random(32));
  const challenge = base64url(await sha256(verifier));
  const here = location.pathname + location.search + location.hash;
  // Who was refused began elsewhere, and has not come back there.
  const place = (stepUp && read(PLACE_KEY)) || here;
  if (!(write(STORAGE_KEY, verifier) && write(PLACE_KEY, place))) {
    throw new VestibuleError(
      "storage_blocked",
      "Your browser does not let this page keep anything, so it could not complete a sign-in. Please allow it to.",
    );
  }
  write(IDP_KEY, idp.name);
  onStep("leaving");
  location.assign(signOnUrl(idp, `${session}##${challenge}`, { page, stepUp, use }));
}

/**
 * Whether a login at it can begin in a page.
 * @param {IdentityProvider} idp
 */
export function canStart(idp) {
  return idp.sign_on_url !== null || idp.sp_initiated;
}

/**
 * To its own sign-on page where one is set up, else by a request of the service, which
 * alone can ask for a step-up, or say which page begins, and what for.
 * AD FS takes its relying party and our RelayState inside one RelayState,
 * encoded twice; others take ours as it is.
 * @param {IdentityProvider} idp
 * @param {string} relayState
 * @param {{ page: string | null, stepUp?: StepUp | null, use?: "console" }} wishes
 */
function signOnUrl(idp, relayState, { page, stepUp, use }) {
  if (stepUp || page || use || !idp.sign_on_url) {
    const contexts = (stepUp?.authn_context ?? []).map((context) => `&authn_context=${encodeURIComponent(context)}`);
    const force = stepUp?.force_authn ? "&force_authn=true" : "";
    const query = `idp=${encodeURIComponent(idp.name)}&RelayState=${encodeURIComponent(relayState)}`;
    const from = page === null ? "" : `&page=${encodeURIComponent(page)}`;
    return `${base}/saml/login?${query}${from}${contexts.join("")}${force}${use ? `&use=${use}` : ""}`;
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
 * @returns {Promise<Credentials | ConsoleSignIn | Choice | null>}
 */
/**
 * @param {object} [options]
 * @param {string} [options.reason]
 * @param {boolean} [options.choose]
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
 * @param {{ reason?: string, choose?: boolean }} options
 * @returns {Promise<Credentials | ConsoleSignIn | Choice | null>}
 */
async function exchange({ reason, choose }) {
  if (moving) {
    return new Promise(() => {});
  }
  if (ticket === null) {
    return toBegin === null ? null : begin(toBegin);
  }
  const shown = ticket;
  onStep("returned");
  const verifier = read(STORAGE_KEY);
  const used = await outcomeOf(shown.bearer);
  if (verifier === null || used !== null) {
    ticket = ticket === shown ? null : ticket;
    throw unusable(used);
  }
  try {
    const received = await (shown.kind === "jwt" ? take(shown.bearer, verifier, reason) : list(shown.bearer, verifier, choose));
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
 * @param {string} bearer
 * @param {string} verifier
 * @param {string} [reason]
 * @returns {Promise<Credentials | ConsoleSignIn>}
 */
function take(bearer, verifier, reason) {
  onStep("fetching");
  const said = reason !== undefined && { "Vestibule-Reason": encodeURIComponent(encodable(reason)) };
  return call("/saml", { ...proof(bearer, verifier), ...said });
}

/**
 * @param {string} bearer
 * @param {string} verifier
 * @param {boolean} [choose]
 */
async function list(bearer, verifier, choose) {
  if (!choose) {
    throw new VestibuleError(
      "choice_unexpected",
      "You have several roles, and this page does not let you choose one. Please ask for help.",
    );
  }
  onStep("listing");
  return new Choice(await call("/saml/choice", proof(bearer, verifier)), bearer, verifier);
}

/** @param {string} bearer @param {string} verifier */
function proof(bearer, verifier) {
  return { Authorization: `Bearer ${bearer}`, "Vestibule-Verifier": verifier };
}

/** Half a character, which a paste can leave, cannot be encoded. @param {string} text */
function encodable(text) {
  return text.replace(/\p{Cs}/gu, "\ufffd");
}

/** The roles among which a person chooses, for some minutes. It is in memory only. */
export class Choice {
  #bearer;
  #verifier;

  /**
   * @param {{ user: string, idp: string, expires: string, destinations?: string[], roles: OfferedRole[] }} listing
   * @param {string} bearer
   * @param {string} verifier
   */
  constructor(listing, bearer, verifier) {
    this.#bearer = bearer;
    this.#verifier = verifier;
    this.user = listing.user;
    /** The name of the identity provider. */
    this.idp = listing.idp;
    /** Until when the person can choose, as in RFC 3339. */
    this.expires = listing.expires;
    /** Where the console can open. */
    this.destinations = listing.destinations ?? [];
    /** The recently used first, then by account; those that are refused last. */
    this.roles = listing.roles;
  }

  /**
   * Gets one to ten roles. Each is a login of its own, and what it ends with comes in the
   * order of `parts`: an error, where it failed. It can be called again, also for the same.
   * @param {Part[]} parts
   * @returns {Promise<(Credentials | ConsoleSignIn | VestibuleError)[]>}
   */
  async choose(parts) {
    onStep("choosing");
    const wanted = parts.map(({ role, use = "credentials", reason, destination }) => ({
      role,
      use,
      reason: typeof reason === "string" ? encodable(reason) : undefined,
      destination,
    }));
    /** @type {{ parts: { ticket?: string, refused?: any }[] }} */
    const answer = await call("/saml/choice", proof(this.#bearer, this.#verifier), { parts: wanted });
    const received = await Promise.all(
      answer.parts.map(({ ticket, refused }) =>
        ticket === undefined
          ? refusal(refused)
          : take(ticket, this.#verifier).catch((error) => {
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
 * @param {{ name: string, stepUp: StepUp | null, use?: "console" }} login
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
 * A verifier is for one login.
 * @param {Ticket} shown
 * @param {"received" | "refused"} outcome
 */
async function forget(shown, outcome) {
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
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function call(path, headers = {}, body) {
  let response;
  try {
    response = await fetch(base + path, {
      ...(body && { method: "POST", body: JSON.stringify(body) }),
      headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json" }), ...headers },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(body ? CHOOSING_MS : PATIENCE_MS),
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
