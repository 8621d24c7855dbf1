/** The protocol of `openapi.yml`. Keeps the CSRF token in memory; nothing is stored in the browser. */

export interface Choice { id: string; title: string }
export interface BotMessage { text: string; buttons?: Choice[]; download?: { href: string; title: string } }
/** One way to confirm: an authenticator of the person, or (`id` "") a recovery code. */
export interface Offer { id: string; kind: string; name: string; sent_to?: string }
export interface Challenge {
  id: string;
  prompt: string;
  expires_in: number;
  attempts_left: number;
  factors?: string[];
  offers?: Offer[];
  assertion?: PublicKeyCredentialRequestOptionsJSON;
}
export type Proof = { code: string } | { assertion: object };
export interface Delivery { sent_to: string; again_in: number }
export interface Left { expires_in: number; expires_by: string }
export interface Notice { id: string; at: number; text: string }
export interface Reply extends Left {
  messages: BotMessage[];
  challenge: Challenge | null;
  ended: boolean;
  accepted?: boolean;
}
export interface Session extends Left {
  csrf: string;
  person: { name: string; roles: string[] };
  /** Where the sign-out goes on when somebody else signed the person in. */
  sign_out_at?: string;
}
export interface Past extends BotMessage { from: "person" | "bot" | "note"; at: number }

/** A refusal of the server; `status` 0 means that it was not reached. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly facts: { closed?: boolean; attempts_left?: number } = {},
  ) {
    super(message);
  }
}

const BASE = "/api/v1";
/** A tab that was just signed out knocks as well, and of two doors made at once the browser keeps one. */
const SIGN_IN_TRIES = 4;

export class Api {
  /** What every change must show: of the session, or of the door before sign-in. */
  private csrf = "";

  async session(): Promise<Session> {
    return this.keep(await this.call<Session>("GET", "/session"));
  }

  async signIn(username: string, password: string, changed: string): Promise<Session> {
    const body = { username, password, ...(changed && { new_password: changed }) };
    for (let tries = 1; ; tries++) {
      // Without the door's token, or when another tab used it up, there is a new one to get first.
      if (tries > 1 || !this.csrf) await this.knock();
      try {
        return this.keep(await this.call<Session>("POST", "/session", body));
      } catch (error) {
        if (tries === SIGN_IN_TRIES || (error as Refused).code !== "csrf") throw error;
      }
    }
  }

  async extend(): Promise<Session> {
    return this.keep(await this.call<Session>("POST", "/session/extension", {}));
  }

  async signOut(): Promise<void> {
    await this.call("DELETE", "/session");
    this.csrf = "";
  }

  message(id: string, text: string): Promise<Reply> {
    return this.call("POST", "/messages", { id, text });
  }

  button(id: string, button: string): Promise<Reply> {
    return this.call("POST", "/buttons", { id, button });
  }

  request(id: string, request: string): Promise<Reply> {
    return this.call("POST", "/requests", { id, request });
  }

  prove(id: string, challenge: string, proof: Proof): Promise<Reply> {
    return this.call("POST", `/challenges/${encodeURIComponent(challenge)}`, { id, ...proof });
  }

  deliver(challenge: string, authenticator: string): Promise<Delivery> {
    return this.call("POST", `/challenges/${encodeURIComponent(challenge)}/delivery`, { authenticator });
  }

  cancel(challenge: string): Promise<Reply> {
    return this.call("DELETE", `/challenges/${encodeURIComponent(challenge)}`);
  }

  history(): Promise<{ messages: Past[]; challenge: Challenge | null }> {
    return this.call("GET", "/history");
  }

  clear(): Promise<Reply> {
    return this.call("DELETE", "/conversation");
  }

  /** Learn what a sign-in must show; whoever another tab signed in meanwhile makes room. */
  private async knock(): Promise<void> {
    try {
      await this.session();
    } catch (error) {
      if ((error as Refused).status === 401) return;
      throw error;
    }
    await this.signOut();
    await this.knock();
  }

  private keep(session: Session): Session {
    this.csrf = session.csrf;
    return session;
  }

  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (method !== "GET" && this.csrf) headers["X-CSRF-Token"] = this.csrf;
    const timeout = AbortSignal.timeout(45_000);
    const asked: RequestInit = { method, headers, signal: timeout, redirect: "error", cache: "no-store" };
    if (body) asked.body = JSON.stringify(body);
    let response: Response;
    let found: { error?: { code?: string; message?: string; door?: string; closed?: boolean; attempts_left?: number } } | null;
    try {
      response = await fetch(BASE + path, asked);
      found = response.status === 204 ? null : await response.json();
    } catch {
      throw new Refused(0, "unreachable", "");
    }
    if (response.status === 401) this.csrf = found?.error?.door ?? "";
    if (!response.ok) {
      throw new Refused(response.status, found?.error?.code ?? "", found?.error?.message ?? "", found?.error);
    }
    return found as T;
  }
}
