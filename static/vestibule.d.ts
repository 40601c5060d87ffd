/**
 * Reads the settings of the Vestibule. The other calls do so by themselves: it
 * is for those who show them, have a copy of this file, or follow the steps.
 * @param {object} [options]
 * @param {string} [options.base] The Vestibule's address, if this file does not come from there.
 * @param {(step: Step) => void} [options.onStep] Hears of each step.
 * @returns {Promise<Config>}
 */
export function configure(options?: {
    base?: string | undefined;
    onStep?: ((step: Step) => void) | undefined;
}): Promise<Config>;
/**
 * Begins a login: makes session id, verifier and challenge, keeps the verifier and
 * the page's address in this tab, and leaves for the identity provider. Where the service
 * seals what it hands over, it is a key pair in their place, whose private half no script reads.
 * @param {string} [name] Of the identity provider; the first, if there is no name.
 * @param {StepUp | null} [stepUp] For who was refused for want of it. The provider must take requests.
 * @param {ForUse} [use] The login is for the AWS console (or, at the built-in page, for a program
 *   on a computer); where there is no name, at the provider where this tab began last. The
 *   provider must take requests.
 * @returns {Promise<void>}
 */
export function start(name?: string, stepUp?: StepUp | null, use?: ForUse): Promise<void>;
/**
 * Whether a login at it can begin in a page.
 * @param {IdentityProvider} idp
 */
export function canStart(idp: IdentityProvider): boolean;
/**
 * Completes a login, if the person came back with a ticket: exchanges it, once. Where
 * the person signed in at the provider's portal, or wants to sign in again after a refusal,
 * it begins a login here and leaves.
 * After an error whose `retry` is true the ticket is still here, and another
 * call may succeed; so it is after one with `ask`, for five minutes, and the call needs the
 * person's answer. After any other answer it is forgotten.
 * @overload
 * @param {object} [options]
 * @param {string} [options.reason] What the person answered to `ask`: recorded, 1 to 500 characters.
 * @param {false} [options.choose]
 * @returns {Promise<Credentials | null>} null: there is no ticket
 */
export function complete(options?: {
    reason?: string | undefined;
    choose?: false | undefined;
} | undefined): Promise<Credentials | null>;
/**
 * And for a page with `choose = true`, or whose logins are for the console: a person with
 * several roles comes back with a choice among them.
 * @overload
 * @param {object} options
 * @param {string} [options.reason]
 * @param {true} options.choose
 * @param {string} [options.shell] At the built-in page: what the program sent that waits for the choice.
 * @returns {Promise<Credentials | ConsoleSignIn | Choice | null>}
 */
export function complete(options: {
    reason?: string | undefined;
    choose: true;
    shell?: string | undefined;
}): Promise<Credentials | ConsoleSignIn | Choice | null>;
/**
 * Asks the Vestibule who these credentials are, by a request that they sign.
 * @param {Credentials} credentials
 * @returns {Promise<Pong>}
 */
export function ping(credentials: Credentials): Promise<Pong>;
/**
 * A credential provider: what clients of the AWS SDK for JavaScript v3 take as
 * `credentials`. Nothing renews them. From their `Expiration` on, by the clock of
 * this computer, it throws `credentials_expired`, and the page offers a new login.
 * @param {Credentials} credentials
 * @returns {() => Promise<{ accessKeyId: string, secretAccessKey: string, sessionToken: string, expiration: Date }>}
 */
export function credentialProvider(credentials: Credentials): () => Promise<{
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
    expiration: Date;
}>;
/** A step that failed. The codes of the service are in its docs/ERRORS.md. */
export class VestibuleError extends Error {
    /**
     * @param {string} code
     * @param {string} sentence
     * @param {string | null} [reference]
     * @param {boolean} [retry]
     * @param {string | null} [ask]
     * @param {string | null} [signInAgain]
     */
    constructor(code: string, sentence: string, reference?: string | null, retry?: boolean, ask?: string | null, signInAgain?: string | null);
    /** Stable, for programs. */
    code: string;
    /** For the person. */
    sentence: string;
    /** What to read out to the help desk. */
    reference: string | null;
    /** The same call may be made again, and may succeed. */
    retry: boolean;
    /** The question to put to the person: `complete({ reason })` with the answer may succeed. */
    ask: string | null;
    /** Of a role that was chosen: the address where the sign-in begins after which it can be had. */
    signInAgain: string | null;
}
/** The roles among which a person chooses, for some minutes. It is in memory only. */
export class Choice {
    /**
     * @param {{ user: string, idp: string, expires: string, destinations?: string[], roles: OfferedRole[], shell?: Shell }} listing
     * @param {Record<string, string>} headers
     * @param {Claim} claim
     */
    constructor(listing: {
        user: string;
        idp: string;
        expires: string;
        destinations?: string[];
        roles: OfferedRole[];
        shell?: Shell;
    }, headers: Record<string, string>, claim: Claim);
    user: string;
    /** The name of the identity provider. */
    idp: string;
    /** Until when the person can choose, as in RFC 3339. */
    expires: string;
    /** Where the console can open. */
    destinations: string[];
    /** The recently used first, then by account; those that are refused last. */
    roles: OfferedRole[];
    /** The program that waits for it, if one does. */
    shell: Shell | null;
    /**
     * Gets one to ten roles. Each is a login of its own, and what it ends with comes in the
     * order of `parts`: an error, where it failed. It can be called again, also for the same.
     * @param {Part[]} parts
     * @returns {Promise<(Credentials | ConsoleSignIn | VestibuleError)[]>}
     */
    choose(parts: Part[]): Promise<(Credentials | ConsoleSignIn | VestibuleError)[]>;
    /**
     * Gives one to ten roles to the program that waits, for whose key their tickets are sealed.
     * @param {Part[]} parts
     * @param {string} [number] What the person typed, for a program on another device.
     * @returns {Promise<Given>}
     */
    give(parts: Part[], number?: string): Promise<Given>;
    #private;
}
/**
 * For what waits for the person, or for a choice among roles.
 */
export type Ticket = {
    kind: "jwt" | "choice";
    bearer: string;
};
/**
 * What a login is for, beside credentials for this page.
 */
export type ForUse = "console" | "shell";
/**
 * What shows that a login is this tab's: the verifier of its challenge, or the key that its
 * answers are sealed to.
 */
export type Claim = {
    verifier: string;
} | {
    session: string;
    key: CryptoKey;
};
/**
 * What a Vestibule says about itself (`/config.json`).
 */
export type Config = {
    version: string;
    public_url: string;
    acs_url: string;
    region: string;
    binding: "challenge" | "sealed" | "plain";
    /**
     * Where the ticket is in the page's address.
     */
    jwt_in: "fragment" | "query";
    /**
     * Whether the service makes them up: AWS knows nothing of them.
     */
    local_credentials: boolean;
    /**
     * Whether a person can have a role without the rules, at STS itself.
     */
    rules: "advisory" | "pinned" | "enforced";
    /**
     * Whether somebody can check a ping.
     */
    ping: boolean;
    /**
     * What a ping is signed for, if not for where it is sent.
     */
    ping_url: string | null;
    /**
     * Whom a refused person should ask.
     */
    contact: string | null;
    /**
     * Whether a login can end in the AWS console: `start(name, null, "console")`.
     */
    console?: boolean | undefined;
    /**
     * Whether people give roles to programs on a computer, at the built-in page.
     */
    shell?: boolean | undefined;
    /**
     * Those beside the built-in one.
     */
    pages?: {
        name: string;
        origin: string;
    }[] | undefined;
    identity_providers: IdentityProvider[];
};
/**
 * Where people can sign in.
 */
export type IdentityProvider = {
    name: string;
    /**
     * What people read of it.
     */
    label: string;
    idp_initiated: boolean;
    /**
     * Whether the service sends people there itself.
     */
    sp_initiated: boolean;
    sign_on_url: string | null;
    relying_party_id: string | null;
};
/**
 * How a person must sign in, beyond what is configured: `sign_in_again` of a refusal.
 */
export type StepUp = {
    /**
     * By one of these (AuthnContextClassRef).
     */
    authn_context?: string[] | undefined;
    /**
     * Anew, in spite of a session at the identity provider.
     */
    force_authn?: boolean | undefined;
};
/**
 * What a login ends with. Keep it in memory.
 */
export type Credentials = {
    AccessKeyId: string;
    SecretAccessKey: string;
    SessionToken: string;
    /**
     * As in RFC 3339.
     */
    Expiration: string;
    /**
     * The role's ARN.
     */
    role: string;
    account: string;
    user: string;
    /**
     * The name of the rule that decided.
     */
    rule?: string | undefined;
    /**
     * Whether that rule narrows what the role may do, by session policies.
     */
    limited?: boolean | undefined;
};
/**
 * What a login ends with that was for the AWS console. Keep it in memory.
 */
export type ConsoleSignIn = {
    /**
     * Signs in whoever opens it, once: open it from a click, and write it nowhere.
     */
    ConsoleUrl: string;
    /**
     * As in RFC 3339.
     */
    Expiration: string;
    /**
     * The role's ARN.
     */
    role: string;
    account: string;
    user: string;
    /**
     * The name of the rule that decided.
     */
    rule?: string | undefined;
    /**
     * Whether that rule narrows what the role may do, by session policies.
     */
    limited?: boolean | undefined;
};
/**
 * What a role gives: credentials, or the AWS console.
 */
export type Offer = {
    /**
     * The name of the rule that decides.
     */
    rule: string;
    /**
     * How long it lasts at most, in seconds.
     */
    duration: number;
    /**
     * Whether the rule narrows what the role may do.
     */
    limited: boolean;
    /**
     * The question whose answer the part needs as its `reason`.
     */
    ask_reason?: string | undefined;
};
/**
 * One of the person's roles. It has `credentials`, or `console`, or both, or else `refused`.
 */
export type OfferedRole = {
    /**
     * The role's ARN.
     */
    role: string;
    account: string;
    account_name?: string | undefined;
    name: string;
    path: string;
    partition: string;
    /**
     * As in RFC 3339.
     */
    last_used?: string | undefined;
    credentials?: Offer | undefined;
    console?: Offer | undefined;
    refused?: {
        error: string;
        message: string;
        sign_in_at?: string;
    } | undefined;
};
/**
 * What is chosen of a role.
 */
export type Part = {
    /**
     * The role's ARN.
     */
    role: string;
    /**
     * Credentials, without it.
     */
    use?: "credentials" | "console" | undefined;
    /**
     * What the person answered to `ask_reason`: recorded, 1 to 500 characters.
     */
    reason?: string | undefined;
    /**
     * Where the console opens: one of `destinations`.
     */
    destination?: string | undefined;
};
/**
 * A program on a computer that waits for roles, as the built-in page shows it.
 */
export type Shell = {
    device: "this_computer" | "another";
    /**
     * Where it listens on this computer.
     */
    port: number | null;
    /**
     * What it shows too, to be compared; on another device the person types it.
     */
    number: string | null;
    /**
     * From where it asked.
     */
    address: string | null;
    /**
     * When it asked, as in RFC 3339.
     */
    at: string;
    /**
     * Where it listens.
     */
    redirect_uri: string | null;
    state: string;
};
/**
 * What a program gets: tickets that are sealed to it, and where it takes them.
 */
export type Given = {
    parts: ({
        role: string;
        ticket: string;
    } | VestibuleError)[];
    redirect_uri: string | null;
    state: string;
};
/**
 * Who signed a ping.
 */
export type Pong = {
    status: string;
    agent: string;
    arn: string;
};
/**
 * What is happening: leaving for the identity provider; back with a ticket;
 * exchanging it; exchanged. Before that, where the person chooses: asking for the roles,
 * and for what was chosen. And the same for a ping.
 */
export type Step = "leaving" | "returned" | "listing" | "choosing" | "fetching" | "received" | "pinging" | "answered";
