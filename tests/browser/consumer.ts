// A page's developer writes TypeScript, and the module's types are enough.

import { Choice, type Credentials, type Part, type Step, VestibuleError, complete, configure, ping, start } from "@vestibule-federation/vestibule";

const { identity_providers, contact } = await configure({
  base: "https://vestibule.example.com",
  onStep: (step: Step) => document.body.setAttribute("data-step", step),
});

export async function main(): Promise<string> {
  try {
    const credentials: Credentials | null = await complete({ reason: document.title || undefined });
    if (credentials === null) {
      await start(identity_providers[0]?.name);
      return "";
    }
    const { status, arn } = await ping(credentials);
    return `${status} ${arn.toUpperCase()} ${new Date(credentials.Expiration).getTime()}`;
  } catch (error) {
    if (error instanceof VestibuleError) {
      const { code, sentence, reference, retry, ask } = error;
      return `${code.length} ${sentence.length} ${reference?.length ?? contact?.length} ${retry ? 1 : 0} ${ask?.length ?? 0}`;
    }
    throw error;
  }
}

/** A page where people choose: what comes of each part, and the console. */
export async function choosing(): Promise<string[]> {
  const came = await complete({ choose: true });
  if (!(came instanceof Choice)) {
    return came === null ? [] : ["ConsoleUrl" in came ? came.ConsoleUrl : came.SecretAccessKey];
  }
  const parts: Part[] = came.roles
    .filter(({ credentials }) => credentials !== undefined && credentials.duration >= 900)
    .map(({ role, credentials }) => ({ role, reason: credentials?.ask_reason && "INC-1" }));
  parts.push({ role: came.roles[0].role, use: "console", destination: came.destinations[0] });
  const received = await came.choose(parts);
  return received.map((each) => (each instanceof VestibuleError ? (each.signInAgain ?? each.code) : each.role));
}

export const toConsole = (): Promise<void> => start(undefined, null, "console");
