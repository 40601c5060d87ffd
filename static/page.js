// The page: what the person sees of a login. The login itself is vestibule.js.

import { VestibuleError, complete, configure, ping, start } from "./vestibule.js";

const element = (id) => document.getElementById(id);

function say(text) {
  element("status").textContent = text;
}

function show(...ids) {
  for (const id of ["sign-in", "signed-in", "failure"]) {
    element(id).hidden = !ids.includes(id);
  }
}

function showFailure(error, contact) {
  if (!(error instanceof VestibuleError)) {
    console.error(error);
  }
  say("");
  element("failure-message").textContent =
    error instanceof VestibuleError ? error.message : "This page made a mistake. Please reload it.";
  element("failure-code").textContent = error.code ?? "page_error";
  element("failure-reference").textContent = error.reference ?? "none";
  element("failure-contact").textContent = contact ?? "your help desk";
}

function showSignIn(config) {
  const buttons = config.identity_providers
    .filter((idp) => idp.sign_on_url)
    .map((idp) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Sign in with ${idp.name}`;
      button.addEventListener("click", () => {
        say(`Going to ${idp.name}…`);
        start(idp).catch((error) => {
          showFailure(error, config.contact);
          show("sign-in", "failure");
        });
      });
      return button;
    });
  element("providers").replaceChildren(...buttons);
}

function showCredentials(credentials, config) {
  for (const name of ["user", "role", "account", "AccessKeyId", "Expiration"]) {
    element(name).textContent = credentials[name];
  }
  for (const name of ["SecretAccessKey", "SessionToken"]) {
    const output = element(name);
    const button = element(`show-${name}`);
    const mask = (masked) => {
      output.textContent = masked ? "••••••••••••" : credentials[name];
      button.textContent = masked ? "Show" : "Hide";
      button.setAttribute("aria-pressed", String(!masked));
    };
    button.addEventListener("click", () => mask(button.getAttribute("aria-pressed") === "true"));
    mask(true);
  }
  element("ping").hidden = !config.ping;
  element("ping").addEventListener("click", async () => {
    element("pong").textContent = "Asking…";
    try {
      const answer = await ping(credentials, config.region);
      element("pong").textContent = `${answer.status}: you are ${answer.arn}`;
    } catch (error) {
      element("pong").textContent = error.message;
    }
  });
}

async function main() {
  // The ticket leaves the address bar first; nothing may come before.
  const completion = complete();
  completion.catch(() => {});
  let config;
  try {
    config = await configure();
  } catch (error) {
    showFailure(error, null);
    show("failure");
    return;
  }
  if (config.binding !== "challenge") {
    const sentence = "This page is not the one that this service is configured for.";
    showFailure(new VestibuleError("binding_plain", sentence), config.contact);
    show("failure");
    return;
  }
  showSignIn(config);
  try {
    const credentials = await completion;
    if (credentials === null) {
      say("");
      show("sign-in");
      return;
    }
    showCredentials(credentials, config);
    say("You are signed in.");
    show("signed-in");
  } catch (error) {
    showFailure(error, config.contact);
    show("sign-in", "failure");
  }
}

await main();
