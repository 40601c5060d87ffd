// Keeps the audit trail up to date: asks once a second, puts new lines on top.
const trail = document.getElementById("trail");
const state = document.getElementById("trail-state");
const follow = document.getElementById("follow");

function say(text) {
  if (state.textContent !== text) {
    state.textContent = text;
  }
}

async function update() {
  let html;
  try {
    const answer = await fetch("/panel/audit", { cache: "no-store" });
    html = answer.ok ? await answer.text() : null;
  } catch {
    html = null;
  }
  if (html === null) {
    say("The demo does not answer. Has it been stopped?");
    return;
  }
  say("");
  const lines = [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("li")];
  const shown = new Set([...trail.children].map((line) => line.id));
  trail.prepend(...lines.filter((line) => !shown.has(line.id)));
  // What the answer no longer has (the oldest lines, and "nothing yet") goes.
  const current = new Set(lines.map((line) => line.id));
  for (const line of [...trail.children]) {
    if (!current.has(line.id)) {
      line.remove();
    }
  }
}

async function run() {
  if (follow.checked && !document.hidden) {
    await update();
  }
  setTimeout(run, 1000);
}

run();
