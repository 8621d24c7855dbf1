/** Says that the session is about to end, in time, and how to stay where that is possible. */
import { type Api, type Left } from "./api";
import { el } from "./dom";
import { clock, fill, strings } from "./strings";

/** Seconds before the end: work that cannot be put off needs more of them. */
const WARN: Record<string, number> = { idle: 120, absolute: 300 };

export class Expiry {
  readonly element = el("div", { class: "warning", role: "alert", hidden: true });
  private readonly timer: number;
  private ends = Infinity;
  private by = "idle";

  constructor(
    private readonly api: Api,
    private readonly isOver: (error: unknown) => boolean,
    private readonly stayed: () => void,
  ) {
    this.timer = window.setInterval(() => this.tick(), 1000);
  }

  alive(left: Left): void {
    this.ends = performance.now() + left.expires_in * 1000;
    this.by = left.expires_by;
    if (left.expires_in > this.warn) this.element.hidden = true;
  }

  /** Ask whether the session goes on. */
  async check(): Promise<void> {
    try {
      this.alive(await this.api.session());
    } catch (error) {
      if (!this.isOver(error)) this.alive({ expires_in: 5, expires_by: this.by });
    }
  }

  close(): void {
    clearInterval(this.timer);
  }

  private get warn(): number {
    return WARN[this.by] ?? 120;
  }

  private tick(): void {
    const left = (this.ends - performance.now()) / 1000;
    if (left <= -1) {
      // Another tab may have kept the session alive: ask before closing.
      this.ends = Infinity;
      void this.check();
    } else if (left <= this.warn) {
      const text = fill(this.by === "idle" ? strings.expiring : strings.expiringAbsolute, { time: clock(left) });
      const shown = this.element.firstElementChild;
      if (shown && !this.element.hidden) shown.textContent = text;
      else this.show(text);
    }
  }

  private show(text: string): void {
    this.element.replaceChildren(
      // Seen counting down, but announced once.
      el("span", { "aria-hidden": "true" }, text),
      el("span", { class: "unseen" }, text),
      ...(this.by === "idle"
        ? [el("button", { type: "button", class: "link", click: () => void this.stay() }, strings.stay)]
        : []),
    );
    this.element.hidden = false;
  }

  private async stay(): Promise<void> {
    try {
      this.alive(await this.api.extend());
      this.element.hidden = true;
      this.stayed();
    } catch (error) {
      this.isOver(error);
    }
  }
}
