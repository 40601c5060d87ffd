// How the page writes credentials out.

import { t } from "./words.js";

/** @typedef {import("./vestibule.js").Credentials} Credentials */

/** @param {string} value */
const sh = (value) => `'${value.replaceAll("'", "'\\''")}'`;
/** @param {string} value */
const ps = (value) => `'${value.replaceAll("'", "''")}'`;

/** A value in an ini file ends with its line. @param {string} value */
const ini = (value) => value.replace(/[\r\n]+/g, " ");

/** The role's name, without the path before it. @param {Credentials} c */
const roleName = (c) => c.role.split("/").at(-1) ?? "";

/**
 * Stands in an ini file and on a command line: nothing that means something there.
 * @param {Credentials} c
 */
export function profileName(c) {
  return `${roleName(c)}-${c.account}`.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
}

/**
 * The variables that the AWS CLI and SDKs read.
 * @param {Credentials} c
 * @param {string | undefined} region
 * @returns {[string, string][]}
 */
function variables(c, region) {
  return [
    ["AWS_ACCESS_KEY_ID", c.AccessKeyId],
    ["AWS_SECRET_ACCESS_KEY", c.SecretAccessKey],
    ["AWS_SESSION_TOKEN", c.SessionToken],
    ["AWS_CREDENTIAL_EXPIRATION", c.Expiration],
    .../** @type {[string, string][]} */ (region ? [["AWS_REGION", region], ["AWS_DEFAULT_REGION", region]] : []),
  ];
}

/**
 * `region` is the service's; without its settings nobody knows it.
 * @typedef {{ hint: (c: Credentials) => string, write: (c: Credentials, region?: string) => string }} Format
 */

/** @type {Record<string, Format>} */
export const FORMATS = {
  bash: {
    hint: () => t("Paste them into a terminal: they hold for that terminal only. The blank before each line keeps it out of the history if the shell is set so: HISTCONTROL=ignorespace in bash, HIST_IGNORE_SPACE in zsh."),
    write: (c, region) => variables(c, region).map(([name, value]) => ` export ${name}=${sh(value)}\n`).join(""),
  },
  powershell: {
    hint: () => t("Paste them into a PowerShell: they hold for that window only. Its history may keep them: PSReadLine leaves out only lines that look like a secret."),
    write: (c, region) => variables(c, region).map(([name, value]) => `$Env:${name}=${ps(value)}\n`).join(""),
  },
  profile: {
    hint: (c) => t("For ~/.aws/credentials; then: aws --profile {name} … Remove it when they have expired.", { name: profileName(c) }),
    write: (c, region) =>
      [
        `[${profileName(c)}]`,
        `# Expires ${ini(c.Expiration)}`,
        `aws_access_key_id = ${ini(c.AccessKeyId)}`,
        `aws_secret_access_key = ${ini(c.SecretAccessKey)}`,
        `aws_session_token = ${ini(c.SessionToken)}`,
        ...(region ? [`region = ${ini(region)}`] : []),
        "",
      ].join("\n"),
  },
  json: {
    hint: () => t("As AWS’s own tools and SDKs name them."),
    write: ({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }) =>
      `${JSON.stringify({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }, null, 2)}\n`,
  },
  credential_process: {
    hint: () => t("Save it as a file that only you can read. In ~/.aws/config: credential_process = cat /path/to/that/file"),
    write: ({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }) =>
      `${JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration })}\n`,
  },
};
