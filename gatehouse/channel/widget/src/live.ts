/** What the server tells by itself: a turn of another tab, the end of the session. No words of the conversation. */

export interface Heard {
  /** A message is being answered (`done` false) or was. */
  turn(id: string, done: boolean): void;
  expiring(seconds: number): void;
  ended(): void;
  /** Something was missed and nobody knows what. */
  reset(): void;
}

export class Live {
  private readonly source = new EventSource("/api/v1/events");

  constructor(heard: Heard) {
    const on = (name: string, then: (facts: { id: string; expires_in: number }) => void) =>
      this.source.addEventListener(name, (event) => then(JSON.parse((event as MessageEvent<string>).data)));
    on("typing", (facts) => heard.turn(facts.id, false));
    on("turn", (facts) => heard.turn(facts.id, true));
    on("expiring", (facts) => heard.expiring(facts.expires_in));
    on("ended", () => heard.ended());
    on("reset", () => heard.reset());
  }

  close(): void {
    this.source.close();
  }
}
