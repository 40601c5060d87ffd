// What a page's developer writes: the module from the Vestibule, three calls.

import { VestibuleError, complete, configure, ping, start } from "@VESTIBULE@/vestibule.js";

const element = (id) => document.getElementById(id);

configure({ onStep: (step) => (element("steps").textContent += `${step}\n`) });
element("sign-in").onclick = () => start().catch(show);

function show(outcome) {
  if (outcome instanceof VestibuleError) {
    const { code, sentence, reference, retry } = outcome;
    outcome = { code, sentence, reference, retry };
  }
  element("result").textContent = JSON.stringify(outcome);
}

// Twice at once, as a framework may: it is one exchange.
Promise.all([complete(), complete()])
  .then(async ([credentials, same]) => {
    if (credentials === null) return show("nobody");
    show({ user: credentials.user, same: credentials === same, pong: await ping(credentials) });
  })
  .catch(show);
