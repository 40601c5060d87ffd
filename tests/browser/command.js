// The command `vestibule` of a person who has a home of their own, and whose browser is the test's.

import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

export class Shell {
  static async of(site) {
    const home = await mkdtemp(path.join(os.tmpdir(), "vestibule-home-"));
    // The person's browser, as the command sees it: it writes the address into a file.
    await writeFile(path.join(home, "browser"), `#!/bin/sh\nprintf %s "$2" > "$1.new" && mv "$1.new" "$1"\n`);
    await chmod(path.join(home, "browser"), 0o755);
    return new Shell(site, home);
  }

  constructor({ vestibule, url }, home) {
    this.vestibule = vestibule;
    this.home = home;
    this.env = { PATH: process.env.PATH, HOME: home, VESTIBULE_SERVER: url };
    this.started = 0;
  }

  run(...words) {
    return this.#spawn(this.vestibule, words);
  }

  /** At a terminal, where progress is shown: util-linux's `script` has one. Both outputs are one there. */
  runAtTerminal(...words) {
    const { said, ...started } = this.#spawn("script", ["-qfec", [this.vestibule, ...words].map((word) => `'${word}'`).join(" "), "/dev/null"]);
    return { ...started, said: { get stderr() { return said.stdout; }, get stdout() { return said.stdout; } } };
  }

  #spawn(program, words) {
    // One for each: what an earlier browser writes late is none of a later command's.
    this.started += 1;
    const opened = path.join(this.home, `address-${this.started}`);
    const env = { ...this.env, BROWSER: `${path.join(this.home, "browser")} ${opened}` };
    const child = spawn(program, words, { env, stdio: ["pipe", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) child[stream].on("data", (data) => (said[stream] += data));
    // And all that it said was read.
    const ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
    const shown = words.includes("--no-browser") ? async () => said.stderr.match(/http:\S+#\S+/)?.[0] : () => readFile(opened, "utf8").catch(() => undefined);
    return { child, said, ended, address: () => patiently(shown, () => said.stderr) };
  }

  close() {
    return rm(this.home, { recursive: true, force: true });
  }
}

/** The address that the browser was given, or that the terminal shows to whoever has none. */
async function patiently(shown, said) {
  for (let tries = 0; tries < 200; tries += 1) {
    const address = await shown();
    if (address) return address;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no address: ${said()}`);
}
