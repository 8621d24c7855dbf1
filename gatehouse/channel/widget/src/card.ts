/** The card that asks for a code. Not a chat bubble: it repeats what is approved, and can be cancelled. */
import type { Challenge } from "./api";
import { el } from "./dom";
import { clock, fill, strings } from "./strings";

export class CodeCard {
  readonly element: HTMLElement;
  readonly id: string;
  private readonly input: HTMLInputElement;
  private readonly problem: HTMLElement;
  private readonly left: HTMLElement;
  private readonly attempts: HTMLElement;
  private readonly confirm: HTMLButtonElement;
  private readonly timer: number;
  private readonly ends: number;

  constructor(challenge: Challenge, submit: (code: string) => void, cancel: () => void) {
    this.id = challenge.id;
    this.ends = performance.now() + challenge.expires_in * 1000;
    this.input = el("input", {
      id: "code",
      inputmode: challenge.factors?.includes("totp") === false ? "text" : "numeric",
      autocomplete: "one-time-code",
      maxlength: "24",
      required: true,
      "aria-describedby": "code-problem code-terms",
    });
    this.problem = el("p", { id: "code-problem", class: "problem", role: "alert" });
    this.left = el("span");
    this.attempts = el("span");
    this.confirm = el("button", { class: "primary", type: "submit" }, strings.codeConfirm);
    const form = el(
      "form",
      {
        novalidate: true,
        submit: (event) => {
          event.preventDefault();
          const code = this.input.value.replace(/\s/g, "");
          if (!/^(\d{6}|rc-?\w{5}-?\w{5})$/i.test(code)) return this.say(strings.codeInvalid);
          this.busy(true);
          submit(code);
        },
      },
      el("label", { for: "code" }, strings.codeLabel),
      el(
        "div",
        { class: "row" },
        this.input,
        this.confirm,
        el("button", { type: "button", class: "quiet", click: cancel }, strings.codeCancel),
      ),
      this.problem,
      el("p", { id: "code-terms", class: "terms" }, this.left, this.attempts),
    );
    this.element = el(
      "section",
      {
        class: "card",
        "aria-labelledby": "code-title",
        keydown: (event) => (event as KeyboardEvent).key === "Escape" && cancel(),
      },
      el("h2", { id: "code-title" }, strings.codeTitle),
      el("p", { class: "lead" }, strings.codeLead, " ", el("strong", {}, challenge.prompt)),
      form,
    );
    this.update(challenge);
    this.tick();
    this.timer = window.setInterval(() => this.tick(), 1000);
  }

  focus(): void {
    this.input.focus();
  }

  busy(on: boolean): void {
    this.confirm.disabled = on;
    this.input.readOnly = on;
  }

  /** Show what is left after a code that was not right. */
  update(challenge: Challenge): void {
    const count = challenge.attempts_left;
    this.attempts.textContent =
      count === 1 ? strings.codeAttempt : fill(strings.codeAttempts, { count });
  }

  say(problem: string): void {
    this.busy(false);
    this.problem.textContent = problem;
    this.attempts.textContent = "";
    this.input.value = "";
    this.input.setAttribute("aria-invalid", "true");
    this.input.focus();
  }

  remove(): void {
    clearInterval(this.timer);
    this.element.remove();
  }

  private tick(): void {
    const left = (this.ends - performance.now()) / 1000;
    this.left.textContent =
      left > 0 ? fill(strings.codeLeft, { time: clock(left) }) : strings.codeExpired;
    if (left <= 0) {
      this.attempts.textContent = "";
      this.confirm.disabled = true;
      this.input.disabled = true;
    }
  }
}
