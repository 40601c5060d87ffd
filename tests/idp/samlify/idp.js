// An identity provider with samlify. Its responses carry InResponseTo="" where there
// was no request: the library's template has the attribute, and nothing to put there.
//
// BINDING: the only one it takes requests by, "redirect" or "post".
// SIGN: "assertion", as service providers ask for in their metadata, or "both".
// WITHOUT_AUTHN: as the library's template is.
// ENCRYPT: assertions, for the key in our metadata; unset: not.

const { ROLE, SESSION_NAME, file, serve } = require("../form.js");
const { Constants, IdentityProvider, SamlLib, ServiceProvider, setSchemaValidator } = require("samlify");

// The library works only with a validator, and has none of its own.
setSchemaValidator({ validate: async () => "skipped" });

const { IDP_URL, BINDING, SIGN, WITHOUT_AUTHN, ENCRYPT } = process.env;
const { emailAddress } = Constants.namespace.format;

// The library's template has a place for this and leaves it empty. The profile
// (4.1.4.2) demands it.
const authnStatement =
  '<saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{AssertionID}"><saml:AuthnContext>' +
  "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>" +
  "</saml:AuthnContext></saml:AuthnStatement>";

const attribute = (name, valueTag) => ({
  name,
  nameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
  valueTag,
  valueXsiType: "xs:string",
});

const idp = IdentityProvider({
  entityID: `${IDP_URL}/metadata`,
  privateKey: file("idp.key"),
  signingCert: file("idp.crt"),
  wantAuthnRequestsSigned: true,
  isAssertionEncrypted: Boolean(ENCRYPT),
  nameIDFormat: [emailAddress],
  singleSignOnService: [{ Binding: Constants.namespace.binding[BINDING], Location: `${IDP_URL}/sso` }],
  loginResponseTemplate: {
    context: SamlLib.defaultLoginResponseTemplate.context.replace("{AuthnStatement}", WITHOUT_AUTHN ? "" : authnStatement),
    attributes: [attribute(ROLE, "role"), attribute(SESSION_NAME, "sessionName")],
  },
});

// The service provider as it describes itself: its own metadata.
const serviceProvider = () => ServiceProvider({ metadata: file("sp.xml"), wantMessageSigned: SIGN === "both" });

serve({
  metadata: () => idp.getMetadata(),

  read: ({ binding, fields, signed }) =>
    idp.parseLoginRequest(serviceProvider(), binding, { query: fields, body: fields, octetString: signed }),

  answer: async (request, { email, roles }) => {
    const sp = serviceProvider();
    const acs = sp.entityMeta.getAssertionConsumerService("post");
    const id = idp.entitySetting.generateID();
    const now = new Date();
    const end = new Date(now.getTime() + 5 * 60_000).toISOString();
    const values = {
      ID: id,
      AssertionID: idp.entitySetting.generateID(),
      Destination: acs,
      SubjectRecipient: acs,
      Audience: sp.entityMeta.getEntityID(),
      Issuer: idp.entityMeta.getEntityID(),
      IssueInstant: now.toISOString(),
      ConditionsNotBefore: now.toISOString(),
      ConditionsNotOnOrAfter: end,
      SubjectConfirmationDataNotOnOrAfter: end,
      StatusCode: Constants.StatusCode.Success,
      NameIDFormat: emailAddress,
      NameID: email,
      InResponseTo: request?.extract.request.id ?? "",
      // The library knows no attribute of several values.
      attrRole: roles[0],
      attrSessionName: email,
    };
    const filledIn = (template) => ({ id, context: SamlLib.replaceTagsByValue(template, values) });
    const { context } = await idp.createLoginResponse(sp, request, "post", { email }, {
      customTagReplacement: filledIn,
      // Otherwise it encrypts what it has signed, and leaves a signature that is wrong.
      encryptThenSign: Boolean(ENCRYPT),
    });
    return { action: acs, SAMLResponse: context };
  },
});
