// What the identity providers made of npm's libraries have in common: people, a form
// to sign in with, and the form that carries the response. What is SAML is the
// library's. See tests/support/other_idp.rs.
//
//   GET  /metadata   its metadata
//   GET  /sso        a request by HTTP-Redirect, or none: a login that starts here
//   POST /sso        a request by HTTP-POST
//   POST /sign-in    the form

const { createServer } = require("node:http");
const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const ROLE = "https://aws.amazon.com/SAML/Attributes/Role";
const SESSION_NAME = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";

// Each password is the name's own.
const people = { alice: ["Production", "Development"], bob: ["Development"] };

function person(name) {
  const arn = "arn:aws:iam::123456789012";
  const roles = people[name].map((role) => `${arn}:saml-provider/Other,${arn}:role/${role}`);
  return { email: `${name}@example.test`, roles };
}

// A file of the test's, as it is now.
const file = (name) => readFileSync(join(process.env.IDP_DIR, name), "utf8");

function form(action, hidden, visible = "") {
  const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  const field = ([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`;
  const fields = Object.entries(hidden).map(field).join("") + visible;
  return `<!doctype html><form method="post" action="${escaped(action)}">${fields}<button>Go on</button></form>`;
}

// `metadata()` returns a text. `read({ binding, fields, signed })` checks a request and
// returns what `answer` needs of it; `signed` are the characters that HTTP-Redirect
// signs. `answer(request, person)` returns the address and the SAMLResponse; `request`
// is undefined in a login that starts here.
function serve({ metadata, read, answer }) {
  const started = new Map();

  async function start(fields, binding, signed) {
    const request = fields.SAMLRequest && (await read({ binding, fields, signed }));
    const id = randomUUID();
    started.set(id, { request, relayState: fields.RelayState });
    return form("/sign-in", { id }, '<input name="user"><input name="password" type="password">');
  }

  async function signIn({ id, user, password }) {
    const { request, relayState } = started.get(id);
    if (!Object.hasOwn(people, user) || password !== user) throw new Error("Wrong name or password");
    const { action, SAMLResponse } = await answer(request, person(user));
    return form(action, { SAMLResponse, RelayState: relayState });
  }

  const fields = (text) => Object.fromEntries(new URLSearchParams(text));
  const pages = {
    "GET /metadata": metadata,
    "GET /sso": (query) => start(fields(query), "redirect", query.replace(/&Signature=.*/, "")),
    "POST /sso": (_query, body) => start(fields(body), "post"),
    "POST /sign-in": (_query, body) => signIn(fields(body)),
  };

  const server = createServer(async (request, response) => {
    const [path, query = ""] = request.url.split("?", 2);
    try {
      let body = "";
      for await (const part of request) body += part;
      const page = await pages[`${request.method} ${path}`](query, body);
      response.writeHead(200, { "content-type": page.startsWith("<!doctype") ? "text/html" : "application/xml" }).end(page);
    } catch (error) {
      console.error(error);
      response.writeHead(400, { "content-type": "text/plain" }).end(String(error));
    }
  });
  server.listen(Number(new URL(process.env.IDP_URL).port), "127.0.0.1");
}

module.exports = { ROLE, SESSION_NAME, file, serve };
