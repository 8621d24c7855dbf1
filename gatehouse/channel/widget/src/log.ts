/** The conversation on the page: finished messages only, announced politely. */
import type { BotMessage, Choice, Past } from "./api";
import { el, linked } from "./dom";
import { strings } from "./strings";

const EXPORTS = "/api/v1/exports/";
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class Log {
  readonly element = el("div", {
    class: "log",
    role: "log",
    "aria-label": strings.log,
    tabindex: "0",
  });

  constructor(private readonly choose: (choice: Choice) => void) {
    // The newest message stays in sight when the card or the keyboard takes room.
    new ResizeObserver(() => this.down()).observe(this.element);
  }

  get hasUnsent(): boolean {
    return !!this.element.querySelector(".unsent");
  }

  clear(): void {
    this.element.replaceChildren();
  }

  note(text: string): void {
    this.add(el("p", { class: "note" }, text));
  }

  welcome(text: string): void {
    this.note(text);
    this.element.lastElementChild?.classList.add("welcome");
  }

  person(text: string, at?: number): HTMLElement {
    this.freeze();
    return this.bubble("person", strings.you, at, el("p", {}, text));
  }

  bot(message: BotMessage, at?: number): void {
    this.freeze();
    const parts: HTMLElement[] = [];
    if (message.text) parts.push(el("p", {}, linked(message.text, strings.opensNew)));
    const download = message.download;
    if (download?.href.startsWith(EXPORTS)) {
      parts.push(this.download(download.href, download.title));
    }
    const made = this.bubble("bot", strings.assistant, at, ...parts);
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
    const made = el(
      "div",
      { class: `message ${kind}` },
      el("span", { class: "unseen" }, `${who}: `),
      ...parts,
      el("time", { datetime: when.toISOString() }, TIME.format(when)),
    );
    this.add(made);
    return made;
  }

  private add(item: HTMLElement): void {
    this.element.querySelector(".welcome")?.classList.remove("welcome");
    this.element.append(item);
    this.down();
  }

  down(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }
}
