// A service that lets people choose, played by routes of the browser: what the page makes of
// its answers. The real one is in choice.test.js.

const ACCOUNTS = [
  ["111122223333", "Production"], ["111122224444", "Production Payments"], ["222233334444", "Staging"], ["222233335555", "Staging Payments"],
  ["333344445555", "Sandbox"], ["333344446666", "Data Platform"], ["444455556666", "Machine Learning"], ["444455557777", "Logistics"],
  ["555566667777", "Café & Kitchen"], ["555566668888", "Security Audit"], ["666677778888", "Networking"], ["666677779999", undefined],
];
const NAMES = ["Admin", "Billing", "Database-Admin", "Deployer", "Developer", "Incident-Response", "Network-Operator", "Observer", "Power-User", "Reader", "Release-Manager", "Support", "Terraform"];

/** 300 roles in 12 accounts, in the order in which the service lists them. */
export function listing({ lasts = 300, console = true } = {}) {
  const iso = (seconds) => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, "");
  const roles = [];
  for (const [account, account_name] of ACCOUNTS) {
    for (let number = 0; number < 25; number += 1) {
      const name = `${NAMES[number % NAMES.length]}${number >= NAMES.length ? "-EU" : ""}`;
      const path = number % 5 === 0 ? "/team/platform/" : "/";
      const offer = { rule: "everybody", duration: [3600, 900, 5400, 43200][number % 4], limited: number % 3 === 0 };
      const role = { role: `arn:aws:iam::${account}:role${path}${name}`, account, account_name, name, path, partition: "aws", credentials: offer };
      if (console && number % 2 === 0) role.console = offer;
      roles.push(role);
    }
  }
  const find = (account, name) => roles.find((role) => role.account === account && role.name === name);
  find("111122223333", "Developer").last_used = iso(-1_800);
  find("333344445555", "Power-User").last_used = iso(-90_000);
  find("444455556666", "Reader").last_used = iso(-400_000);
  find("111122223333", "Incident-Response").credentials = { rule: "asks", duration: 3600, limited: false, ask_reason: "Which incident is this for?" };
  find("111122223333", "Terraform").credentials = { rule: "asks", duration: 3600, limited: true, ask_reason: "Which change is this for?" };
  const visitor = find("555566668888", "Support");
  delete visitor.credentials;
  visitor.console = { rule: "console", duration: 3600, limited: true };
  const refuse = (role, refused) => {
    delete role.credentials;
    delete role.console;
    role.refused = refused;
  };
  for (const account of ["111122223333", "111122224444"]) {
    refuse(find(account, "Admin"), {
      error: "role_refused",
      message: "Administrators sign in with a second factor. Sign in again by the method that your company requires for it. If you do not have that method, ask for help.",
      sign_in_at: "@HOME@#sign-in=SSP&authn_context=https%3A%2F%2Frefeds.org%2Fprofile%2Fmfa",
    });
  }
  for (const name of ["Admin", "Admin-EU", "Database-Admin"]) {
    refuse(find("666677778888", name), { error: "role_refused", message: "This role is for the network team at the office. If you need access, ask for a role that may be used here, then sign in again." });
  }
  const rank = (role) => (role.refused ? 2 : role.last_used ? 0 : 1);
  roles.sort((a, b) => rank(a) - rank(b) || (b.last_used ?? "").localeCompare(a.last_used ?? ""));
  return {
    user: "anna@example.com",
    idp: "ADFS",
    expires: iso(lasts),
    destinations: ["https://console.aws.amazon.com/", "https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters"],
    roles,
  };
}

export const refusal = (error, message, more = {}) => ({ error, message, reference: "7K3F-9QTZ", ...more });

/**
 * Answers for the service at this page. `refusals` are by a role's name; `asked` keeps what
 * was asked, `taken` the tickets that were taken. Where `shell` is a program that waits, logins
 * come back at once, and `begun` keeps them.
 */
export class FakeChoice {
  constructor(home, options = {}) {
    this.home = home;
    this.refusals = options.refusals ?? {};
    this.listing = JSON.parse(JSON.stringify(listing(options)).replaceAll("@HOME@", home));
    this.config = options.config ?? {};
    this.shell = options.shell ?? null;
    this.begun = [];
    this.given = [];
    this.asked = [];
    this.taken = [];
    this.down = false;
  }

  async play(context) {
    await context.route("**/config.json", async (route) => {
      const identity_providers = [{ name: "SSP", label: "SSP", idp_initiated: true, sp_initiated: true, sign_on_url: null, relying_party_id: null }];
      const json = { version: "0.1.0", region: "eu-central-1", binding: "challenge", jwt_in: "fragment", local_credentials: false, ping: false, ping_url: null, contact: "the help desk", identity_providers };
      await route.fulfill({ json: { ...json, shell: this.shell !== null, ...this.config } });
    });
    if (this.shell !== null) {
      await context.route("**/saml/login?**", (route) => {
        this.begun.push(new URL(route.request().url()).searchParams);
        return route.fulfill({ status: 302, headers: { location: `${this.home}#choice=choice.ZmFrZS1jaG9pY2U.c2lnbmVkLWJ5LW5vYm9keQ` } });
      });
    }
    await context.route("**/saml/choice", async (route) => {
      if (this.down) return route.abort("connectionrefused");
      const request = route.request();
      const { authorization, "vestibule-verifier": verifier } = request.headers();
      if (authorization !== "Bearer choice.ZmFrZS1jaG9pY2U.c2lnbmVkLWJ5LW5vYm9keQ" || verifier?.length !== 43) {
        return route.fulfill({ status: 401, json: refusal("verifier_mismatch", "This is not the tab.") });
      }
      const shell = request.headers()["vestibule-shell"];
      const wrong = this.shell?.request === shell ? this.shell?.failure : refusal("shell_request_malformed", "This is not what a program was given here.");
      if (wrong) return route.fulfill({ status: wrong.status ?? 400, json: wrong });
      const { request: _, typed, failure: __, ...shown } = this.shell ?? {};
      if (request.method() === "GET") return route.fulfill({ json: { ...this.listing, ...(this.shell && { shell: shown }) } });
      if (Date.parse(this.listing.expires) <= Date.now()) {
        return route.fulfill({ status: 404, json: refusal("choice_gone", "The choice is over.") });
      }
      const { parts, shell: given } = request.postDataJSON();
      if (this.shell !== null) this.given.push(given);
      if (typed !== undefined && given.number !== typed) return route.fulfill({ status: 403, json: refusal("number_wrong", "The program shows another number. Look at it again, and type it.") });
      this.asked.push(parts);
      const answers = parts.map(({ role, use, reason }) => {
        const name = role.split("/").at(-1);
        const offered = this.listing.roles.find((each) => each.role === role);
        const refused = this.refusals[name];
        if (refused) return { role, use, refused };
        const ask = offered[use === "shell" ? "credentials" : use]?.ask_reason;
        if (ask && !reason?.trim()) return { role, use, refused: refusal("reason_malformed", "A reason is one line of 1 to 500 characters, without control characters.", { ask }) };
        return { role, use, ticket: `${use}.${Buffer.from(role).toString("base64url")}.s` };
      });
      const { redirect_uri, state } = shown;
      return route.fulfill({ json: { parts: answers, ...(this.shell && { shell: { redirect_uri, state } }) } });
    });
    await context.route("**/saml", async (route) => {
      if (route.request().method() !== "GET") return route.continue();
      const ticket = route.request().headers().authorization.replace("Bearer ", "");
      if (this.taken.includes(ticket) && this.once) return route.fulfill({ status: 404, json: refusal("gone", "There is nothing left.") });
      this.taken.push(ticket);
      const [use, encoded] = ticket.split(".");
      const role = Buffer.from(encoded, "base64url").toString();
      const Expiration = new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+/, "");
      const who = { Expiration, role, account: role.split(":")[4], user: "anna@example.com", rule: "everybody", limited: false };
      const secrets = { Version: 1, AccessKeyId: `ASIA${encoded.slice(-12).toUpperCase()}`, SecretAccessKey: `secret-${encoded}`, SessionToken: `token-${encoded}` };
      return route.fulfill({ json: use === "console" ? { ConsoleUrl: this.consoleUrl(role), ...who } : { ...secrets, ...who } });
    });
    await context.route("https://signin.aws.example/**", (route) => route.fulfill({ contentType: "text/html", body: "<title>Console</title>" }));
  }

  consoleUrl(role) {
    return `https://signin.aws.example/federation?Action=login&SigninToken=${Buffer.from(role).toString("base64url")}`;
  }
}
