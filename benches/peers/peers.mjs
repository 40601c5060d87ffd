// The peers that are JavaScript: node-saml and samlify.
//
//     node peers.mjs NAME DIRECTORY    one line for each document: its file, nanoseconds
//
// Checks first that the honest document is accepted and the changed one refused.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { argv, exit, hrtime } from "node:process";

// Where benches/peers/run installs them.
const require = createRequire(new URL("../../target/peers/", import.meta.url));

// As in peers.rs.
const MEASURED = 2_000_000_000n;
const BATCH = 5_000_000n;

const peers = {
  "node-saml": (site) => {
    const { SAML } = require("@node-saml/node-saml");
    const saml = new SAML({
      callbackUrl: site.acs,
      issuer: site.audience,
      audience: site.audience,
      idpIssuer: site.issuer,
      idpCert: site.certificate,
      wantAssertionsSigned: true,
      wantAuthnResponseSigned: false,
    });
    return async (field) => {
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: field });
      return profile.nameID;
    };
  },

  samlify: (site) => {
    const samlify = require("samlify");
    // It insists on one and has none. Nothing is checked: in its favour.
    samlify.setSchemaValidator({ validate: () => Promise.resolve("not checked") });
    const idp = samlify.IdentityProvider({
      entityID: site.issuer,
      signingCert: site.certificate,
      singleSignOnService: [
        {
          Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
          Location: "https://adfs.example.com/adfs/ls/",
        },
      ],
    });
    const sp = samlify.ServiceProvider({
      entityID: site.audience,
      wantAssertionsSigned: true,
      assertionConsumerService: [
        { Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", Location: site.acs },
      ],
    });
    return async (field) => {
      const { extract } = await sp.parseLoginResponse(idp, "post", { body: { SAMLResponse: field } });
      return extract.nameID;
    };
  },
};

/** The best batch's nanoseconds for one. */
async function best(routine) {
  let best = Infinity;
  let times = 1;
  const began = hrtime.bigint();
  while (hrtime.bigint() - began < MEASURED) {
    const start = hrtime.bigint();
    for (let i = 0; i < times; i++) await routine();
    const elapsed = hrtime.bigint() - start;
    best = Math.min(best, Number(elapsed) / times);
    if (elapsed < BATCH) times *= 2;
  }
  return best;
}

const [name, directory] = argv.slice(2);
const read = (file) => readFileSync(join(directory, file), "utf8");
const site = JSON.parse(read("settings.json"));
const validate = peers[name](site);
const documents = readdirSync(directory).filter((file) => file.endsWith(".honest"));
const sizes = documents.map((file) => file.split(".")[0]).sort((a, b) => Number(a) - Number(b));
for (const size of sizes) {
  const honest = read(`${size}.honest`);
  const person = await validate(honest);
  if (person !== site.person) throw new Error(`${size} KB: read ${person}`);
  const refusal = await validate(read(`${size}.changed`)).then(
    () => null,
    (error) => error,
  );
  if (refusal === null) {
    console.error(`${size} KB, changed: accepted`);
    exit(1);
  }
  console.error(`${size} KB, changed: ${refusal}`);
  console.log(`${size} ${Math.round(await best(() => validate(honest)))}`);
}
