// A service that seals, played by routes of the browser with `jose` (npm): a second opinion on
// what vestibule.js opens. The real one is in sealed.test.js too.

import { CompactEncrypt, importJWK } from "jose";

/** Seals to a public key, as 43 characters. */
export async function seal(plaintext, x, { apv, apu = "jti-1", cty = "JWT", header = {} }) {
  const key = await importJWK({ kty: "OKP", crv: "X25519", x }, "ECDH-ES");
  const text = new TextEncoder();
  return new CompactEncrypt(text.encode(plaintext))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", cty, ...header })
    .setKeyManagementParameters({ apu: text.encode(apu), apv: text.encode(apv) })
    .encrypt(key);
}

/**
 * Answers at this page. `ticketFor` and `answerFor` make what goes out for a session id and a
 * key; `asked` keeps what was asked for and how.
 */
export class FakeSealed {
  constructor(home, { ticketFor, answerFor } = {}) {
    this.home = home;
    this.ticketFor = ticketFor ?? ((session, x) => seal("the.opened.ticket", x, { apv: session }));
    this.answerFor = answerFor ?? ((session, x) => seal(JSON.stringify(this.credentials), x, { apv: session, cty: "json" }));
    this.kind = "jwt";
    this.asked = [];
    this.logins = [];
    const who = { role: "arn:aws:iam::123456789012:role/ADFS-Production", account: "123456789012", user: "paula@example.com" };
    const Expiration = new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+/, "");
    this.credentials = { Version: 1, AccessKeyId: "ASIASEALED", SecretAccessKey: "sealed-secret", SessionToken: "sealed-token", Expiration, ...who, rule: "r", limited: false };
  }

  async play(context) {
    await context.route("**/config.json", async (route) => {
      const identity_providers = [{ name: "SSP", label: "SSP", idp_initiated: true, sp_initiated: true, sign_on_url: "https://idp.example/", relying_party_id: null }];
      const json = { version: "0.1.0", region: "eu-central-1", binding: "sealed", jwt_in: "fragment", local_credentials: false, ping: false, ping_url: null, contact: "the help desk", identity_providers };
      await route.fulfill({ json });
    });
    await context.route("**/saml/login**", async (route) => {
      const request = route.request();
      if (request.method() === "POST") {
        const asked = new URLSearchParams(request.postData());
        this.logins.push({ relayState: asked.get("RelayState"), type: request.headers()["content-type"], origin: request.headers().origin });
        return route.fulfill({ json: { permit: "permit-1", expires_in: 60 } });
      }
      const query = new URL(request.url()).searchParams;
      this.started = query;
      [this.session, this.x] = query.get("RelayState").split("##");
      const location = `${this.home}#${this.kind}=${await this.ticketFor(this.session, this.x)}`;
      this.location = location;
      return this.holds ? route.fulfill({ contentType: "text/html", body: "<title>provider</title>" }) : route.fulfill({ status: 302, headers: { location } });
    });
    await context.route("**/saml", async (route) => {
      const { authorization, "vestibule-verifier": verifier } = route.request().headers();
      this.asked.push({ authorization, verifier });
      return route.fulfill({ json: { jwe: await this.answerFor(this.session, this.x) } });
    });
  }
}
