/** Where a message is written: grows with it, counts it, stays open while the assistant answers. */
import { el } from "./dom";
import { strings } from "./strings";

export class Composer {
  readonly element: HTMLElement;
  private readonly input: HTMLTextAreaElement;
  private readonly button = el("button", { type: "submit", class: "primary send" }, strings.send);

  constructor(
    private readonly limit: number,
    draft: string,
    private readonly send: (text: string) => void,
    private readonly changed: () => void,
  ) {
    this.input = el("textarea", {
      id: "message",
      rows: "1",
      dir: "auto",
      placeholder: strings.placeholder,
      enterkeyhint: "send",
      "aria-describedby": "message-status",
      input: () => this.fit(),
      keydown: (event) => this.key(event as KeyboardEvent),
    });
    this.input.value = draft;
    this.element = el(
      "form",
      { class: "composer", submit: (event) => this.submit(event) },
      el("label", { for: "message", class: "unseen" }, strings.composer),
      this.input,
      this.button,
    );
  }

  get draft(): string {
    return this.input.value;
  }

  /** How many characters are too many. */
  get extra(): number {
    return Math.max(0, this.input.value.trim().length - this.limit);
  }

  focus(): void {
    this.input.focus();
  }

  fit(): void {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 180)}px`;
    this.button.disabled = this.extra > 0;
    this.changed();
  }

  private submit(event: Event): void {
    event.preventDefault();
    const text = this.input.value.trim();
    this.input.focus();
    if (!text || this.extra) return;
    this.input.value = "";
    this.fit();
    this.send(text);
  }

  private key(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    (this.input.form as HTMLFormElement).requestSubmit();
  }
}
