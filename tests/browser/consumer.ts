// A page's developer writes TypeScript, and the module's types are enough.

import { type Credentials, type Step, VestibuleError, complete, configure, ping, start } from "@vestibule-federation/vestibule";

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
