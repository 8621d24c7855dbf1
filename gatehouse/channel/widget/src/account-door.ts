/** The way from the chat to the account panel, which is a module of its own and may be missing. */
import type { Api, Challenge } from "./api";
import { type Asked, CodeCard } from "./card";

export interface Host {
  api: Api;
  card(challenge: Challenge, asked: Asked): CodeCard;
  /** Close the panel and go on in the conversation. */
  ask(request: string, words: string): void;
  isOver(error: unknown): boolean;
  /** Whether the person has a password here. */
  passwords: boolean;
  /** Says when the session is about to end; belongs into the panel while it is open. */
  warning: HTMLElement;
  /** The panel did something, which may have kept the session open. */
  used(): void;
  closed(): void;
  /** The person has ended this session. */
  leave(): void;
}

export type Panel = HTMLElement & { open?: (host: Host) => void };

export function openAccount(api: Api, rest: Omit<Host, "api" | "card">): HTMLElement | null {
  const made: Panel = document.createElement("gatehouse-account");
  if (!made.open) return null;
  // After the caller has put it into the page: a dialog opens only there.
  queueMicrotask(() => {
    made.open?.({ api, card: (challenge, asked) => new CodeCard(challenge, asked), ...rest });
  });
  return made;
}
