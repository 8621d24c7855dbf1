/**
 * `<gatehouse-chat>`: the whole chat page as one element without dependencies.
 * Attributes: `data-organisation` (a line below the product name), `data-limit` (characters).
 */
import { Api, Refused, type Session } from "./api";
import { Chat } from "./chat";
import { el } from "./dom";
import { signInForm } from "./signin";
import { strings } from "./strings";

class GatehouseChat extends HTMLElement {
  private readonly api = new Api();
  private draft = "";

  connectedCallback(): void {
    void this.open();
  }

  private get organisation(): string {
    return this.dataset["organisation"] ?? "";
  }

  private async open(): Promise<void> {
    this.replaceChildren(el("p", { class: "plain", role: "status" }, strings.loading));
    try {
      this.chat(await this.api.session());
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.signIn("");
      this.trouble((error as Refused).message || strings.unreachable);
    }
  }

  private trouble(text: string): void {
    const retry = el("button", { type: "button", class: "primary", click: () => void this.open() });
    retry.textContent = strings.retry;
    this.replaceChildren(
      el("main", { class: "door" }, el("div", { class: "panel" }, el("p", { role: "alert" }, text), retry)),
    );
    retry.focus();
  }

  private signIn(notice: string): void {
    document.title = `${strings.signIn} · ${strings.product}`;
    this.replaceChildren(
      signInForm(this.api, this.organisation, notice, (session) => this.chat(session)),
    );
  }

  private chat(session: Session): void {
    document.title = this.organisation ? `${strings.product} · ${this.organisation}` : strings.product;
    const chat = new Chat(
      this.api,
      {
        organisation: this.organisation,
        limit: Number(this.dataset["limit"]) || 2000,
        draft: this.draft,
        over: (notice, draft) => {
          this.draft = draft;
          this.signIn(notice);
        },
      },
      session,
    );
    this.draft = "";
    this.replaceChildren(chat.element);
  }
}

customElements.define("gatehouse-chat", GatehouseChat);
