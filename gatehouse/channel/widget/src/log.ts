/** The conversation on the page: finished messages only, announced politely. */
import type { BotMessage, Choice, Past } from "./api";
import { el } from "./dom";
import { said } from "./said";
import { strings } from "./strings";

const EXPORTS = "/api/v1/exports/";
const NEAR = 48; // pixels from the newest message that still count as being there
const GAP = 12;
const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });

export class Log {
  readonly element = el("div", {
    class: "log",
    role: "log",
    "aria-label": strings.log,
    tabindex: "0",
  });

  /** Leads back to the newest message from further up. */
  private readonly newest = el(
    "button",
    { type: "button", class: "quiet newest", "aria-label": strings.newest, hidden: true, click: () => this.down(true) },
    "↓",
  );
  readonly place = el("div", { class: "log-place" }, this.element, this.newest);
  /** The first bubble of the newest answer, and the time that stands below the newest message. */
  private answer: HTMLElement | null = null;
  private shown: HTMLElement | null = null;
  /** Whether the newest message is kept in sight: until the person looks further up. */
  private follows = true;

  constructor(private readonly choose: (choice: Choice) => void) {
    // The newest message stays in sight when the card or the keyboard takes room.
    new ResizeObserver(() => this.down()).observe(this.element);
    this.element.addEventListener("scroll", () => {
      const { scrollTop, scrollHeight, clientHeight } = this.element;
      this.follows = scrollTop > Math.min(this.aim(), scrollHeight - clientHeight) - NEAR;
      this.newest.hidden = scrollTop > scrollHeight - clientHeight - NEAR;
    });
  }

  get hasUnsent(): boolean {
    return !!this.element.querySelector(".unsent");
  }

  clear(): void {
    this.element.replaceChildren();
    this.answer = this.shown = null;
    this.follows = true;
  }

  note(text: string): void {
    this.add(el("p", { class: "note" }, text));
  }

  /** A greeting with something to begin with. */
  welcome(text: string, help: string, ask: () => void): void {
    const button = el("button", { type: "button", class: "begin", click: ask }, help);
    this.add(el("div", { class: "note welcome" }, el("p", {}, text), button));
  }

  person(text: string, at?: number): HTMLElement {
    this.freeze();
    this.answer = null;
    this.follows = true;
    return this.bubble("person", strings.you, at, el("p", { class: "said", dir: "auto" }, text));
  }

  bot(message: BotMessage, at?: number): void {
    this.freeze();
    const parts: HTMLElement[] = [];
    if (message.text) parts.push(said(message.text, strings.opensNew));
    const download = message.download;
    if (download?.href.startsWith(EXPORTS)) {
      parts.push(this.download(download.href, download.title));
    }
    const made = this.bubble("bot", strings.assistant, at, ...parts);
    this.answer ??= made;
    if (message.buttons?.length) made.append(this.choices(message.buttons));
    this.down();
  }

  /** A link that works once, as the server's ticket does. */
  private download(href: string, title: string): HTMLElement {
    const used = () => {
      // After the browser has followed the link.
      setTimeout(() => {
        link.tabIndex = -1;
        link.removeAttribute("href");
        link.setAttribute("aria-disabled", "true");
        link.textContent = strings.downloaded;
      });
    };
    const link: HTMLElement = el("a", { class: "download", href, download: true, click: used }, title);
    return link;
  }

  past(messages: Past[]): void {
    for (const message of messages) {
      if (message.from === "note") this.note(message.text);
      else if (message.from === "person") this.person(message.text, message.at);
      else this.bot(message, message.at);
    }
  }

  /** Mark a message as not sent, with a way to send it again. */
  failed(bubble: HTMLElement, reason: string, retry: () => void): void {
    const line = el("p", { class: "failed", role: "alert" }, `${reason} `);
    const button = el("button", { type: "button", class: "link" }, strings.retry);
    button.addEventListener("click", () => {
      line.remove();
      bubble.classList.remove("unsent");
      retry();
    });
    line.append(button);
    bubble.classList.add("unsent");
    bubble.append(line);
    this.down();
  }

  /** Quick replies are for the last message only. */
  freeze(): void {
    for (const button of this.element.querySelectorAll<HTMLButtonElement>(".choices button")) {
      button.disabled = true;
    }
  }

  private choices(choices: Choice[]): HTMLElement {
    const group = el("div", { class: "choices", role: "group", "aria-label": strings.choices });
    for (const choice of choices) {
      const button = el("button", { type: "button" }, choice.title);
      button.addEventListener("click", () => {
        this.freeze();
        button.setAttribute("aria-pressed", "true");
        this.choose(choice);
      });
      group.append(button);
    }
    return group;
  }

  private bubble(kind: string, who: string, at: number | undefined, ...parts: Node[]): HTMLElement {
    const when = at ? new Date(at * 1000) : new Date();
    const time = el("time", { datetime: when.toISOString() }, TIME.format(when));
    // Messages of one minute share its time.
    if (this.shown?.textContent === time.textContent) this.shown.hidden = true;
    this.shown = time;
    const made = el(
      "div",
      { class: `message ${kind}` },
      el("span", { class: "unseen" }, `${who}: `),
      ...parts,
      time,
    );
    this.add(made);
    return made;
  }

  private add(item: HTMLElement): void {
    this.element.querySelector(".welcome button")?.remove();
    this.element.querySelector(".welcome")?.classList.remove("welcome");
    this.element.append(item);
    this.down();
  }

  /** To the newest message, or to the beginning of an answer that is longer than the window. */
  down(asked = false): void {
    if (asked) this.follows = true;
    if (this.follows) this.element.scrollTop = asked ? this.element.scrollHeight : this.aim();
    else this.newest.hidden = false;
  }

  private aim(): number {
    const { element, answer } = this;
    if (!answer?.isConnected) return element.scrollHeight;
    const from = answer.getBoundingClientRect().top - element.getBoundingClientRect().top;
    return element.scrollTop + from - GAP;
  }
}
