// An identity provider with @boxyhq/saml20. It signs the assertion and the response.

const { ROLE, SESSION_NAME, file, serve } = require("../form.js");
const saml = require("@boxyhq/saml20").default;

// BINDING: "post" takes requests by that one only.

const { IDP_URL, BINDING } = process.env;
const entityId = `${IDP_URL}/metadata`;
const privateKey = file("idp.key");
const publicKey = file("idp.crt");

serve({
  metadata: () => {
    const xml = saml.createIdPMetadataXML({
      entityId,
      ssoUrl: `${IDP_URL}/sso`,
      x509cert: publicKey,
      wantAuthnRequestsSigned: BINDING === "post",
    });
    return BINDING === "post" ? xml.replace(/<[^<]*SingleSignOnService [^>]*HTTP-Redirect[^>]*>/, "") : xml;
  },

  read: async ({ binding, fields }) => {
    const xml = await saml.decodeBase64(fields.SAMLRequest, binding === "redirect");
    return saml.parseSAMLRequest(xml, binding === "post");
  },

  answer: async (request, { email, roles }) => {
    // The service provider as it describes itself: its own metadata. The address in the
    // request could be anybody's.
    const { entityID, sso } = await saml.parseMetadata(file("sp.xml"), {});
    const xml = await saml.createSAMLResponse({
      audience: entityID,
      issuer: entityId,
      acsUrl: sso.postUrl,
      requestId: request?.id,
      claims: { email, raw: { [ROLE]: roles, [SESSION_NAME]: email } },
      privateKey,
      publicKey,
    });
    return { action: sso.postUrl, SAMLResponse: Buffer.from(xml).toString("base64") };
  },
});
