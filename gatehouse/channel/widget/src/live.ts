/** What the server tells by itself: a turn of another tab, the end of the session. No words of the conversation. */
import type { Left } from "./api";

export interface Heard {
  /** A message is being answered (`done` false) or was. */
  turn(id: string, done: boolean): void;
  expiring(left: Left): void;
  ended(): void;
  /** Something was missed and nobody knows what. */
  reset(): void;
  /** Something happened to the person's sign-in. */
  notice(): void;
}

export class Live {
  private readonly source = new EventSource("/api/v1/events");

  constructor(heard: Heard) {
    const on = (name: string, then: (facts: Left & { id: string }) => void) =>
      this.source.addEventListener(name, (event) => then(JSON.parse((event as MessageEvent<string>).data)));
    on("typing", (facts) => heard.turn(facts.id, false));
    on("turn", (facts) => heard.turn(facts.id, true));
    on("expiring", (facts) => heard.expiring(facts));
    on("ended", () => heard.ended());
    on("reset", () => heard.reset());
    on("notice", () => heard.notice());
  }

  close(): void {
    this.source.close();
  }
}
