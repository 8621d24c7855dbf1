/** The chat of a signed-in person: sends in order, keeps what could not be sent, says what goes on. */
import { type Api, type Challenge, Refused, type Reply, type Session } from "./api";
import { CodeCard } from "./card";
import { el } from "./dom";
import { Live } from "./live";
import { Log } from "./log";
import { clock, fill, strings } from "./strings";

const WARN = 120; // seconds before the end of the session

export interface Frame {
  organisation: string;
  limit: number;
  draft: string;
  /** The session is over; `draft` is what was not sent. */
  over(notice: string, draft: string): void;
}

export class Chat {
  readonly element: HTMLElement;
  private readonly log = new Log((choice) => this.choose(choice.id, choice.title));
  private readonly status = el("p", { class: "status", role: "status" });
  private readonly typing = el(
    "div",
    { class: "typing", "aria-hidden": "true", hidden: true },
    el("i"),
    el("i"),
    el("i"),
  );
  private readonly cardPlace = el("div", { class: "card-place" });
  private readonly warning = el("div", { class: "warning", role: "alert", hidden: true });
  private readonly input: HTMLTextAreaElement;
  private readonly send: HTMLButtonElement;
  private readonly dialog: HTMLDialogElement;
  private card: CodeCard | null = null;
  private queue: Promise<void> = Promise.resolve();
  private waiting = 0;
  private ends = 0;
  private closed = false;
  /** Ids of what this tab sent; "clear" stands for each clearing. */
  private readonly mine: string[] = [];
  private elsewhere = 0;
  private readonly live: Live;
  private readonly timer: number;
  private readonly connection = () => this.showStatus();

  constructor(
    private readonly api: Api,
    private readonly frame: Frame,
    private readonly session: Session,
  ) {
    this.input = el("textarea", {
      id: "message",
      rows: "1",
      placeholder: strings.placeholder,
      enterkeyhint: "send",
      "aria-describedby": "message-status",
      input: () => this.fit(),
      keydown: (event) => this.key(event as KeyboardEvent),
    });
    this.input.value = frame.draft;
    this.send = el("button", { type: "submit", class: "primary send" }, strings.send);
    this.dialog = this.clearDialog();
    this.status.id = "message-status";
    this.element = el(
      "div",
      { class: "chat" },
      this.header(),
      el("main", {}, this.log.element, this.typing, this.cardPlace),
      el(
        "footer",
        {},
        this.warning,
        el(
          "form",
          { class: "composer", submit: (event) => this.submit(event) },
          el("label", { for: "message", class: "unseen" }, strings.composer),
          this.input,
          this.send,
        ),
        this.status,
      ),
      this.dialog,
    );
    this.alive(session.expires_in);
    this.live = new Live({
      turn: (id, done) => this.heard(id, done),
      expiring: (seconds) => {
        this.ends = performance.now() + seconds * 1000;
      },
      ended: () => void this.check(),
      reset: () => this.again(),
    });
    this.timer = window.setInterval(() => this.tick(), 1000);
    addEventListener("online", this.connection);
    addEventListener("offline", this.connection);
    void this.load();
  }

  private header(): HTMLElement {
    return el(
      "header",
      {},
      el("span", { class: "mark", "aria-hidden": "true" }),
      el(
        "div",
        { class: "name" },
        el("h1", {}, strings.product),
        this.frame.organisation && el("p", { class: "organisation" }, this.frame.organisation),
      ),
      el("span", { class: "who" }, this.session.person.name),
      el(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": strings.clear,
          click: () => this.dialog.showModal(),
        },
        strings.clearShort,
      ),
      el(
        "button",
        { type: "button", class: "quiet", click: () => void this.leave() },
        strings.signOut,
      ),
    );
  }

  private clearDialog(): HTMLDialogElement {
    return el(
      "dialog",
      { "aria-labelledby": "clear-title", "aria-describedby": "clear-text" },
      el("h2", { id: "clear-title" }, strings.clearTitle),
      el("p", { id: "clear-text" }, strings.clearText),
      el(
        "div",
        { class: "row" },
        el(
          "button",
          { type: "button", class: "quiet", click: () => this.dialog.close() },
          strings.keep,
        ),
        el(
          "button",
          { type: "button", class: "primary", click: () => void this.clear() },
          strings.clearYes,
        ),
      ),
    );
  }

  private async load(): Promise<void> {
    try {
      const past = await this.api.history();
      if (past.messages.length) this.log.past(past.messages);
      else this.welcome();
      this.show(past.challenge);
    } catch (error) {
      if (!this.isOver(error)) this.log.note((error as Refused).message || strings.unreachable);
    }
    this.fit();
    if (!this.card) this.input.focus();
  }

  /** Another tab of this session sent something: show its words as well. */
  private heard(id: string, done: boolean): void {
    if (this.mine.includes(id)) {
      if (id === "clear") this.mine.splice(this.mine.indexOf(id), 1);
      return;
    }
    this.elsewhere += done ? -1 : 1;
    this.elsewhere = Math.max(0, this.elsewhere);
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
    this.log.welcome(fill(strings.welcome, { name }));
  }

  // Sending

  private submit(event: Event): void {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text || text.length > this.frame.limit) return this.input.focus();
    this.input.value = "";
    this.fit();
    this.input.focus();
    const id = this.newId();
    const bubble = this.log.person(text);
    this.deliver(bubble, () => this.api.message(id, text));
  }

  private choose(button: string, title: string): void {
    const id = this.newId();
    const bubble = this.log.person(title);
    this.input.focus();
    this.deliver(bubble, () => this.api.button(id, button));
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
    this.alive(reply.expires_in);
    if (reply.accepted) this.log.note(strings.codeAccepted);
    if (reply.ended) this.log.clear();
    for (const message of reply.messages) this.log.bot(message);
    if (reply.ended) this.log.note(strings.ended);
    this.show(reply.challenge);
  }

  // The second factor

  private show(challenge: Challenge | null): void {
    if (challenge && this.card?.id === challenge.id) {
      this.card.busy(false);
      return this.card.update(challenge);
    }
    const had = this.card;
    this.card?.remove();
    this.card = null;
    if (challenge) {
      const card = new CodeCard(
        challenge,
        (code) => this.answer(card, code),
        () => this.cancel(card),
      );
      this.card = card;
      this.cardPlace.append(card.element);
      card.focus();
    } else if (had) {
      this.input.focus();
    }
    this.log.down();
  }

  private answer(card: CodeCard, code: string): void {
    const id = this.newId();
    this.enqueue(async () => {
      try {
        const reply = await this.api.code(id, card.id, code);
        if (reply.accepted === false && reply.challenge?.id === card.id) {
          this.alive(reply.expires_in);
          card.update(reply.challenge);
          return card.say(reply.messages.map((message) => message.text).join(" "));
        }
        this.take(reply);
      } catch (error) {
        if (this.isOver(error)) return;
        const refused = error as Refused;
        card.say(refused.message || strings.unreachable);
      }
    });
  }

  private cancel(card: CodeCard): void {
    this.enqueue(async () => {
      try {
        this.take(await this.api.cancel(card.id));
      } catch (error) {
        if (!this.isOver(error)) card.say((error as Refused).message || strings.unreachable);
      }
    });
  }

  // The session

  private async clear(): Promise<void> {
    this.dialog.close();
    this.enqueue(async () => {
      try {
        this.mine.push("clear");
        const reply = await this.api.clear();
        this.alive(reply.expires_in);
        this.log.clear();
        this.show(null);
        this.log.note(strings.cleared);
      } catch (error) {
        if (!this.isOver(error)) this.log.note((error as Refused).message || strings.unreachable);
      }
    });
    this.input.focus();
  }

  private async leave(): Promise<void> {
    try {
      await this.api.signOut();
      this.close("");
    } catch (error) {
      if (!this.isOver(error)) this.log.note((error as Refused).message || strings.unreachable);
    }
  }

  private isOver(error: unknown, unsent = ""): boolean {
    if (!(error instanceof Refused) || error.status !== 401) return false;
    this.close(error.message, unsent);
    return true;
  }

  private close(notice: string, unsent = ""): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.timer);
    this.live.close();
    this.card?.remove();
    removeEventListener("online", this.connection);
    removeEventListener("offline", this.connection);
    this.frame.over(notice, unsent || this.input.value);
  }

  private alive(seconds: number): void {
    this.ends = performance.now() + seconds * 1000;
    this.warning.hidden = true;
  }

  private tick(): void {
    const left = (this.ends - performance.now()) / 1000;
    if (left <= -1) {
      // Another tab may have kept the session alive: ask before closing.
      this.ends = Infinity;
      void this.check();
    } else if (left <= WARN && this.warning.hidden) {
      this.warning.replaceChildren(
        // Seen counting down, but announced once.
        el("span", { "aria-hidden": "true" }, fill(strings.expiring, { time: clock(left) })),
        el("span", { class: "unseen" }, fill(strings.expiring, { time: clock(left) })),
        el("button", { type: "button", class: "link", click: () => void this.stay() }, strings.stay),
      );
      this.warning.hidden = false;
    } else if (left <= WARN) {
      const shown = this.warning.firstElementChild;
      if (shown) shown.textContent = fill(strings.expiring, { time: clock(left) });
    }
  }

  private async check(): Promise<void> {
    try {
      this.alive((await this.api.session()).expires_in);
    } catch (error) {
      if (!this.isOver(error)) this.alive(5);
    }
  }

  private async stay(): Promise<void> {
    try {
      this.alive((await this.api.extend()).expires_in);
      this.input.focus();
    } catch (error) {
      this.isOver(error);
    }
  }

  // The composer

  private key(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    (this.input.form as HTMLFormElement).requestSubmit();
  }

  private fit(): void {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 180)}px`;
    this.showStatus();
  }

  private showStatus(): void {
    const extra = this.input.value.trim().length - this.frame.limit;
    const busy = this.waiting + this.elsewhere > 0;
    this.typing.hidden = !busy;
    if (busy) this.log.down();
    this.send.disabled = extra > 0;
    const text =
      extra > 0
        ? fill(strings.tooLong, { count: extra })
        : !navigator.onLine
          ? strings.offline
          : busy
            ? strings.answering
            : strings.connected;
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.classList.toggle("trouble", extra > 0 || !navigator.onLine);
  }
}
