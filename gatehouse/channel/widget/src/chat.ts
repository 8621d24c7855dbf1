/** The chat of a signed-in person: sends in order, keeps what could not be sent, says what goes on. */
import { openAccount } from "./account-door";
import { type Api, Refused, type Reply, type Session } from "./api";
import { Composer } from "./composer";
import { Confirming } from "./confirming";
import { el } from "./dom";
import { Expiry } from "./expiry";
import { header } from "./header";
import { Live } from "./live";
import { Log } from "./log";
import { Notices } from "./notices";
import { fill, strings } from "./strings";

const PATIENCE = 8_000; // milliseconds until an answer is said to take long

export interface Frame {
  organisation: string;
  limit: number;
  draft: string;
  passwords: boolean;
  /** The session is over; `draft` is what was not sent. */
  over(notice: string, draft: string): void;
}

export class Chat {
  readonly element: HTMLElement;
  private readonly log = new Log((choice) => this.choose(choice.id, choice.title));
  private readonly status = el("p", { id: "message-status", class: "status", role: "status" });
  private readonly typing = el(
    "div",
    { class: "typing", "aria-hidden": "true", hidden: true },
    el("i"),
    el("i"),
    el("i"),
  );
  private readonly foot = el("footer");
  private readonly composer: Composer;
  private readonly confirming: Confirming;
  private readonly expiry: Expiry;
  private readonly notices: Notices;
  private readonly live: Live;
  private readonly connection = () => this.showStatus();
  private queue: Promise<void> = Promise.resolve();
  private waiting = 0;
  private elsewhere = 0;
  private closed = false;
  /** Whether an answer takes long, and whether the connection was away since the last one. */
  private slow = false;
  private wasOffline = false;
  private patience = 0;
  private account: HTMLElement | null = null;
  /** Ids of what this tab sent; "clear" stands for each clearing. */
  private readonly mine: string[] = [];

  constructor(
    private readonly api: Api,
    private readonly frame: Frame,
    private readonly session: Session,
  ) {
    const isOver = (error: unknown) => this.isOver(error);
    const back = () => this.composer.focus();
    this.composer = new Composer(frame.limit, frame.draft, (text) => this.say(text), this.connection);
    this.expiry = new Expiry(api, isOver, back);
    this.notices = new Notices(api, isOver, back);
    this.confirming = new Confirming(api, {
      newId: () => this.newId(),
      enqueue: (work) => this.enqueue(work),
      take: (reply) => this.take(reply),
      alive: (reply) => this.expiry.alive(reply),
      isOver,
      done: back,
    });
    const head = header(frame.organisation, session.person.name, {
      account: () => this.openAccount(),
      clear: () => this.clear(),
      leave: () => void this.leave(),
    });
    this.foot.append(this.expiry.element, this.composer.element, this.status);
    this.element = el(
      "div",
      { class: "chat" },
      head,
      el("main", {}, this.notices.element, this.log.place, this.typing, this.confirming.element),
      this.foot,
    );
    this.expiry.alive(session);
    this.live = new Live({
      turn: (id, done) => this.heard(id, done),
      expiring: (left) => this.expiry.alive(left),
      ended: () => void this.expiry.check(),
      reset: () => this.again(),
      notice: () => void this.notices.load(),
    });
    addEventListener("online", this.connection);
    addEventListener("offline", this.connection);
    void this.load();
    void this.notices.load();
  }

  private async load(): Promise<void> {
    try {
      const past = await this.api.history();
      if (past.messages.length) this.log.past(past.messages);
      else this.welcome();
      this.show(past.challenge);
    } catch (error) {
      this.failed(error);
    }
    this.composer.fit();
    if (!this.confirming.open) this.composer.focus();
  }

  /** Another tab of this session sent something: show its words as well. */
  private heard(id: string, done: boolean): void {
    if (this.mine.includes(id)) {
      if (id === "clear") this.mine.splice(this.mine.indexOf(id), 1);
      return;
    }
    this.elsewhere = Math.max(0, this.elsewhere + (done ? -1 : 1));
    this.showStatus();
    if (done) this.again();
  }

  private again(): void {
    this.elsewhere = 0;
    this.queue = this.queue.then(async () => {
      // What could not be sent is on this page only and must not vanish from it.
      if (this.closed || this.log.hasUnsent) return;
      try {
        const past = await this.api.history();
        this.log.clear();
        this.log.past(past.messages);
        this.show(past.challenge);
      } catch (error) {
        this.isOver(error);
      }
    });
  }

  private newId(): string {
    const id = crypto.randomUUID();
    this.mine.push(id);
    return id;
  }

  private welcome(): void {
    const name = this.session.person.name.split(" ")[0] ?? "";
    const help = strings.help;
    this.log.welcome(fill(strings.welcome, { name }), help, () => {
      this.composer.focus();
      this.say(help);
    });
  }

  // Sending

  private say(text: string): void {
    const id = this.newId();
    this.deliver(this.log.person(text), () => this.api.message(id, text));
  }

  private choose(button: string, title: string): void {
    const id = this.newId();
    this.composer.focus();
    this.deliver(this.log.person(title), () => this.api.button(id, button));
  }

  private ask(request: string, words: string): void {
    const id = this.newId();
    this.composer.focus();
    this.deliver(this.log.person(words), () => this.api.request(id, request));
  }

  private deliver(bubble: HTMLElement, ask: () => Promise<Reply>): void {
    this.enqueue(async () => {
      try {
        const reply = await ask();
        if (reply.accepted !== undefined) {
          // A code that was typed as a message does not stay on the screen.
          bubble.querySelector("p")?.replaceChildren(strings.codeHidden);
        }
        this.take(reply);
      } catch (error) {
        if (this.isOver(error, bubble.querySelector("p")?.textContent ?? "")) return;
        const refused = error as Refused;
        const reason = refused.status
          ? refused.message || strings.failed
          : `${strings.notSent} ${strings.unreachable}`;
        this.log.failed(bubble, reason, () => this.deliver(bubble, ask));
      }
    });
  }

  private enqueue(work: () => Promise<void>): void {
    this.waiting += 1;
    this.showStatus();
    this.queue = this.queue.then(work).finally(() => {
      this.waiting -= 1;
      this.showStatus();
    });
  }

  private take(reply: Reply): void {
    this.expiry.alive(reply);
    if (reply.accepted) this.log.note(strings.codeAccepted);
    if (reply.ended) this.log.clear();
    for (const message of reply.messages) this.log.bot(message);
    if (reply.ended) this.log.note(strings.ended);
    this.show(reply.challenge);
  }

  private show(challenge: Reply["challenge"]): void {
    this.confirming.show(challenge);
    this.log.down();
  }

  // The session

  private openAccount(): void {
    this.account = openAccount(this.api, {
      ask: (request, words) => this.ask(request, words),
      isOver: (error) => this.isOver(error),
      leave: () => this.close("", null),
      passwords: this.frame.passwords && !this.session.sign_out_at,
      warning: this.expiry.element,
      used: () => void this.expiry.check(),
      closed: () => this.foot.prepend(this.expiry.element),
    });
    if (this.account) this.element.append(this.account);
    else this.log.note(strings.unreachable);
  }

  private clear(): void {
    this.enqueue(async () => {
      try {
        this.mine.push("clear");
        const reply = await this.api.clear();
        this.expiry.alive(reply);
        this.log.clear();
        this.show(null);
        this.log.note(strings.cleared);
      } catch (error) {
        this.failed(error);
      }
    });
    this.composer.focus();
  }

  private async leave(): Promise<void> {
    try {
      await this.api.signOut();
      const next = this.session.sign_out_at;
      if (next?.startsWith("/")) return location.assign(next);
      this.close("", null);
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    if (!this.isOver(error)) this.log.note((error as Refused).message || strings.unreachable);
  }

  private isOver(error: unknown, unsent = ""): boolean {
    if (!(error instanceof Refused) || error.status !== 401) return false;
    this.close(error.message, unsent);
    return true;
  }

  /** `unsent` null: the person left, and takes along what was written. */
  private close(notice: string, unsent: string | null = ""): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.patience);
    this.live.close();
    this.expiry.close();
    this.confirming.close();
    this.account?.remove();
    removeEventListener("online", this.connection);
    removeEventListener("offline", this.connection);
    this.frame.over(notice, unsent === null ? "" : unsent || this.composer.draft);
  }

  private busySince(busy: boolean): void {
    this.typing.hidden = !busy;
    this.slow = false;
    clearTimeout(this.patience);
    if (!busy) return;
    this.log.down();
    this.patience = setTimeout(() => {
      this.slow = true;
      this.showStatus();
    }, PATIENCE);
  }

  private showStatus(): void {
    const extra = this.composer.extra;
    const busy = this.waiting + this.elsewhere > 0;
    if (this.typing.hidden === busy) this.busySince(busy);
    const text =
      extra > 0
        ? fill(strings.tooLong, { count: extra })
        : !navigator.onLine
          ? strings.offline
          : busy
            ? this.slow
              ? strings.slow
              : strings.answering
            : this.wasOffline
              ? strings.connected
              : "";
    if (!navigator.onLine) this.wasOffline = true;
    else if (busy) this.wasOffline = false;
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.classList.toggle("trouble", extra > 0 || !navigator.onLine);
  }
}
