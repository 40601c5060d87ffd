// Vestibule in a page: start a login, complete it, ping with what came of it.
//
//   import { configure, start, complete, ping } from "./vestibule.js";
//
// No dependency, no build step. The secrets of a login are in sessionStorage
// while the person is away at the identity provider, and in memory afterwards.

/**
 * What a Vestibule says about itself (`/config.json`).
 * @typedef {object} Config
 * @property {string} version
 * @property {string} public_url
 * @property {string} region
 * @property {"challenge" | "plain"} binding
 * @property {boolean} ping
 * @property {string | null} contact
 * @property {IdentityProvider[]} identity_providers
 */

/**
 * @typedef {object} IdentityProvider
 * @property {string} name
 * @property {boolean} idp_initiated
 * @property {string | null} sign_on_url
 * @property {string | null} relying_party_id
 */

/**
 * @typedef {object} Credentials
 * @property {string} AccessKeyId
 * @property {string} SecretAccessKey
 * @property {string} SessionToken
 * @property {string} Expiration
 * @property {string} role
 * @property {string} account
 * @property {string} user
 */

/** A step that failed: a stable code, a sentence for the person, and the reference to quote. */
export class VestibuleError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string | null} [reference]
   */
  constructor(code, message, reference = null) {
    super(message);
    this.name = "VestibuleError";
    this.code = code;
    this.reference = reference;
  }
}

const STORAGE_KEY = "vestibule.login";
const encoder = new TextEncoder();

/**
 * Reads the settings of the Vestibule at `base` (an origin; this page's own by default).
 * @param {string} [base]
 * @returns {Promise<Config>}
 */
export async function configure(base = location.origin) {
  return call(`${base}/config.json`);
}

/**
 * Begins a login: makes session id, verifier and challenge, remembers the
 * first two, and sends the browser to the identity provider.
 * @param {IdentityProvider} idp
 */
export async function start(idp) {
  const session = base64url(random(16));
  const verifier = base64url(random(32));
  const challenge = base64url(await sha256(verifier));
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ session, verifier }));
  location.assign(signOnUrl(idp, `${session}##${challenge}`));
}

/**
 * Where the browser goes to sign in. AD FS takes its relying party and our
 * RelayState inside one RelayState, encoded twice; others take it plainly.
 * @param {IdentityProvider} idp
 * @param {string} relayState
 */
export function signOnUrl(idp, relayState) {
  if (!idp.sign_on_url) {
    throw new VestibuleError("idp_initiated_off", "Signing in cannot be started from here.");
  }
  const inner = idp.relying_party_id
    ? `RPID=${encodeURIComponent(idp.relying_party_id)}&RelayState=${encodeURIComponent(relayState)}`
    : relayState;
  const separator = idp.sign_on_url.includes("?") ? "&" : "?";
  return `${idp.sign_on_url}${separator}RelayState=${encodeURIComponent(inner)}`;
}

/**
 * Completes a login, if this page was opened with a ticket: takes it out of
 * the address bar before anything else, and exchanges it once.
 * @param {string} [base]
 * @returns {Promise<Credentials | null>} null if there is no ticket
 */
export async function complete(base = location.origin) {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("jwt");
  if (ticket === null) {
    return null;
  }
  history.replaceState(null, "", location.pathname + location.search);
  const login = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
  sessionStorage.removeItem(STORAGE_KEY);
  if (login === null) {
    throw new VestibuleError(
      "verifier_lost",
      "This sign-in was not begun in this tab, so it cannot be completed here. Please sign in again.",
    );
  }
  return call(`${base}/saml`, {
    Authorization: `Bearer ${ticket}`,
    "Vestibule-Verifier": login.verifier,
  });
}

/**
 * Asks the Vestibule whether it knows these credentials, by a signed request.
 * @param {Credentials} credentials
 * @param {string} region
 * @param {string} [base]
 * @returns {Promise<{status: string, agent: string, arn: string}>}
 */
export async function ping(credentials, region, base = location.origin) {
  const url = new URL(`${base}/users`);
  return call(url.href, await sign(url, credentials, region, new Date()));
}

/**
 * The headers that sign a GET without query and body (AWS Signature Version 4).
 * @param {URL} url
 * @param {Credentials} credentials
 * @param {string} region
 * @param {Date} now
 */
export async function sign(url, credentials, region, now) {
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
  const signature = hex(await hmac(key, stringToSign));
  return {
    Authorization:
      `AWS4-HMAC-SHA256 Credential=${credentials.AccessKeyId}/${scope}, ` +
      `SignedHeaders=${signedHeaders}, Signature=${signature}`,
    "X-Amz-Date": amzDate,
    "X-Amz-Security-Token": credentials.SessionToken,
  };
}

/** One GET; what is refused becomes a VestibuleError. */
async function call(url, headers = {}) {
  let response;
  try {
    response = await fetch(url, {
      headers: { Accept: "application/json", ...headers },
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch {
    throw new VestibuleError("unreachable", "The service cannot be reached. Please check your connection.");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) {
    return answer;
  }
  throw new VestibuleError(
    answer?.error ?? "unexpected_answer",
    answer?.message ?? "The service gave an answer that this page does not understand.",
    answer?.reference ?? response.headers.get("X-Request-Id"),
  );
}

function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

async function sha256(text) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

async function hmac(key, text) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
