/** `<gatehouse-account>`: a sheet beside the chat where people look after their sign-in and their data. */
import type { Host } from "./account-door";
import { Factors } from "./account-factors";
import { frontEnds } from "./account-front-ends";
import { password } from "./account-password";
import { sessions } from "./account-sessions";
import { stored } from "./account-stored";
import { Told } from "./account-parts";
import { words } from "./account-strings";
import type { Refused } from "./api";
import { el } from "./dom";

/** What a part of the panel can do with the whole. */
export interface Place {
  host: Host;
  /** Show one step in place of the overview; the first field or button of it gets the focus. */
  step(title: string, ...content: (Node | string)[]): void;
  /** The overview again, read anew; `said` is announced. */
  home(said?: string): void;
  /** Close the panel. */
  close(): void;
  /** The sentence for a failure, or null when the session is over and the panel gone. */
  failure(error: unknown): string | null;
}

class GatehouseAccount extends HTMLElement implements Place {
  host!: Host;
  private readonly heading = el("h2", { id: "account-title", tabindex: "-1" });
  private readonly back = el("button", { type: "button", class: "quiet", click: () => this.home() }, words.back);
  private readonly said = el("p", { class: "said", role: "status" });
  private readonly body = el("div", { class: "sheet-body" });
  private readonly dialog = el(
    "dialog",
    { class: "sheet", "aria-labelledby": "account-title", close: () => this.gone() },
    el(
      "div",
      { class: "sheet-head" },
      this.back,
      this.heading,
      el("button", { type: "button", class: "quiet", click: () => this.close() }, words.close),
    ),
    this.said,
    this.body,
  );

  open(host: Host): void {
    this.host = host;
    this.append(this.dialog);
    this.said.before(host.warning);
    this.home();
    this.dialog.showModal();
    this.heading.focus();
  }

  close(): void {
    this.dialog.close();
  }

  private gone(): void {
    this.host.closed();
    this.remove();
  }

  home(said = ""): void {
    this.show(words.title, true);
    this.said.textContent = said;
    this.body.append(
      this.section(words.factors, () => new Factors(this).list()),
      ...(this.host.passwords ? [this.section(words.password, () => password(this))] : []),
      this.section(words.sessions, () => sessions(this)),
      this.section(words.frontEnds, () => frontEnds(this), true),
      this.section(words.stored, () => stored(this)),
    );
    this.heading.focus();
  }

  step(title: string, ...content: (Node | string)[]): void {
    this.show(title, false);
    this.said.textContent = "";
    this.body.append(...content);
    const first = this.body.querySelector<HTMLElement>("input:not([hidden]), .primary");
    (first ?? this.heading).focus();
  }

  failure(error: unknown): string | null {
    if (this.host.isOver(error)) return null;
    const forPeople = error instanceof Told || (error as Partial<Refused>).status;
    return (forPeople && (error as Error).message) || words.unreachable;
  }

  private show(title: string, home: boolean): void {
    this.heading.textContent = title;
    this.back.hidden = home;
    this.body.replaceChildren();
    this.body.scrollTop = 0;
    this.host.used();
  }

  /** A part that is read by itself, so that one that fails does not hide the others; a `rare` one shows up when it has something. */
  private section(title: string, read: () => Promise<Node[]>, rare = false): HTMLElement {
    const place = el("div", {}, el("p", { class: "soft" }, words.loading));
    const made = el("section", { hidden: rare }, el("h3", {}, title), place);
    read()
      .catch((error) => {
        const sentence = this.failure(error);
        return sentence ? [el("p", { class: "problem" }, sentence)] : [];
      })
      .then((nodes) => {
        place.replaceChildren(...nodes);
        made.hidden = !nodes.length;
      });
    return made;
  }
}

customElements.define("gatehouse-account", GatehouseAccount);
