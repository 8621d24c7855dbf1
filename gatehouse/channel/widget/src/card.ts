/** The card that asks for a second factor. Not a chat bubble: it repeats what is approved, and can be cancelled. */
import { type Challenge, type Delivery, type Offer, type Proof, Refused } from "./api";
import { el } from "./dom";
import { signed } from "./passkey";
import { clock, fill, strings } from "./strings";

const CODE = /^(\d{6}|(rc|tk)-?\w{5}-?\w{5})$/i;

export interface Asked {
  submit(proof: Proof): void;
  cancel(): void;
  deliver(authenticator: string): Promise<Delivery>;
}

export class CodeCard {
  readonly element: HTMLElement;
  readonly id: string;
  private readonly label = el("label", { for: "code" });
  private readonly input: HTMLInputElement;
  private readonly problem = el("p", { id: "code-problem", class: "problem", role: "alert" });
  private readonly told = el("p", { class: "told", role: "status" });
  private readonly left = el("span");
  private readonly attempts = el("span");
  private readonly confirm = el("button", { class: "primary", type: "submit" });
  private readonly others = el("div", { class: "ways" });
  private readonly ways: Offer[];
  private readonly sent = new Set<string>();
  private readonly timer: number;
  private readonly ends: number;
  private way: Offer;

  constructor(
    private readonly challenge: Challenge,
    private readonly asked: Asked,
  ) {
    this.id = challenge.id;
    this.ends = performance.now() + challenge.expires_in * 1000;
    this.ways = challenge.offers ?? (challenge.factors ?? []).map((kind) => ({ id: "", kind, name: "" }));
    this.way = this.ways[0] ?? { id: "", kind: "ticket", name: "" };
    this.input = el("input", {
      id: "code",
      maxlength: "24",
      spellcheck: "false",
      "aria-describedby": "code-problem code-terms",
    });
    this.element = el(
      "section",
      {
        class: "card",
        "aria-labelledby": "code-title",
        keydown: (event) => {
          if ((event as KeyboardEvent).key !== "Escape") return;
          event.preventDefault();
          this.asked.cancel();
        },
      },
      el("h2", { id: "code-title" }, strings.codeTitle),
      el("p", { class: "lead" }, strings.codeLead, " ", el("strong", {}, challenge.prompt)),
      el(
        "form",
        { novalidate: true, submit: (event) => void this.act(event) },
        this.label,
        el(
          "div",
          { class: "row" },
          this.input,
          this.confirm,
          el("button", { type: "button", class: "quiet", click: () => this.asked.cancel() }, strings.codeCancel),
        ),
        this.told,
        this.problem,
        el("p", { id: "code-terms", class: "terms" }, this.left, this.attempts),
        this.others,
      ),
    );
    this.update(challenge);
    this.use(this.way);
    this.tick();
    this.timer = window.setInterval(() => this.tick(), 1000);
  }

  focus(): void {
    (this.input.hidden ? this.confirm : this.input).focus();
  }

  busy(on: boolean): void {
    this.confirm.disabled = on;
    this.input.readOnly = on;
  }

  /** Show what is left after a code that was not right. */
  update(facts: { attempts_left?: number }): void {
    const count = facts.attempts_left;
    if (count === undefined) return;
    this.attempts.textContent =
      count === 1 ? strings.codeAttempt : fill(strings.codeAttempts, { count });
  }

  say(problem: string): void {
    this.busy(false);
    this.problem.textContent = problem;
    this.input.value = "";
    this.input.setAttribute("aria-invalid", "true");
    this.focus();
  }

  /** Nothing more can be tried here. */
  end(problem: string): void {
    this.say(problem);
    this.attempts.textContent = this.left.textContent = "";
    this.others.replaceChildren();
    clearInterval(this.timer);
    this.input.disabled = this.confirm.disabled = true;
  }

  remove(): void {
    clearInterval(this.timer);
    this.element.remove();
  }

  /** Ask in this way, and offer the others. */
  private use(way: Offer): void {
    this.way = way;
    const { kind } = way;
    const letters = kind === "recovery" || kind === "ticket";
    const typed = kind !== "webauthn" && (!this.isSent || this.sent.has(way.id));
    this.label.hidden = this.input.hidden = !typed;
    this.label.textContent = strings.codeLabels[kind] ?? strings.codeLabels["totp"] ?? "";
    this.input.value = "";
    this.input.inputMode = letters ? "text" : "numeric";
    this.input.autocomplete = letters ? "off" : "one-time-code";
    this.input.setAttribute("autocapitalize", "none");
    this.input.classList.toggle("wide", letters);
    this.confirm.textContent = typed
      ? strings.codeConfirm
      : kind === "webauthn"
        ? strings.usePasskey
        : fill(strings.sendCode, { to: way.sent_to ?? way.name });
    this.told.textContent = "";
    const others = this.ways
      .filter((item) => item !== way)
      .map((item) => this.other(this.name(item), () => this.use(item)));
    if (typed && this.isSent) others.unshift(this.other(strings.sendAgain, () => void this.send()));
    this.others.replaceChildren(...others);
  }

  private get isSent(): boolean {
    return this.way.kind === "email" || this.way.kind === "sms";
  }

  private name(way: Offer): string {
    const kind = strings.codeWays[way.kind] ?? way.kind;
    const more = way.sent_to ?? way.name;
    return more && more !== kind ? `${kind} (${more})` : kind;
  }

  private other(title: string, click: () => void): HTMLElement {
    return el(
      "button",
      {
        type: "button",
        class: "link",
        click: () => {
          this.problem.textContent = "";
          click();
          this.focus();
        },
      },
      title,
    );
  }

  private async act(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.input.hidden) {
      const code = this.input.value.replace(/\s/g, "");
      if (!CODE.test(code)) return this.say(strings.codeInvalid);
      this.busy(true);
      this.asked.submit({ code });
    } else if (this.isSent) await this.send();
    else if (this.challenge.assertion) {
      this.busy(true);
      const assertion = await signed(this.challenge.assertion);
      if (assertion) this.asked.submit({ assertion });
      else this.say(strings.noPasskey);
    }
  }

  private async send(): Promise<void> {
    this.busy(true);
    try {
      const { sent_to } = await this.asked.deliver(this.way.id);
      this.sent.add(this.way.id);
      this.use(this.way);
      this.told.textContent = fill(strings.codeSent, { to: sent_to });
      this.busy(false);
      this.focus();
    } catch (error) {
      this.say((error as Refused).message || strings.unreachable);
    }
  }

  private tick(): void {
    const left = (this.ends - performance.now()) / 1000;
    this.left.textContent = fill(strings.codeLeft, { time: clock(left) });
    if (left <= 0) this.end(strings.codeExpired);
  }
}
