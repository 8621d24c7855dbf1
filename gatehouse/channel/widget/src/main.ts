/**
 * `<gatehouse-chat>`: the whole chat page as one element without dependencies.
 * Attributes: `data-organisation` (a line below the product name), `data-limit` (characters),
 * `data-provider` (who else signs people in, by name), `data-passwords` ("off": nobody has one here).
 */
import { Api, Refused, type Session } from "./api";
import { Chat } from "./chat";
import { el } from "./dom";
import { signInForm } from "./signin";
import { strings } from "./strings";

class GatehouseChat extends HTMLElement {
  private readonly api = new Api();
  /** What somebody had not sent yet when their session ended; nobody else gets it. */
  private draft = { of: "", text: "" };

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
    const page = {
      organisation: this.organisation,
      provider: this.dataset["provider"] ?? "",
      passwords: this.dataset["passwords"] !== "off",
      notice: notice || returned(),
    };
    this.replaceChildren(signInForm(this.api, page, (session) => this.chat(session)));
  }

  private chat(session: Session): void {
    document.title = this.organisation ? `${strings.product} · ${this.organisation}` : strings.product;
    const chat = new Chat(
      this.api,
      {
        organisation: this.organisation,
        limit: Number(this.dataset["limit"]) || 2000,
        passwords: this.dataset["passwords"] !== "off",
        draft: this.draft.of === session.person.name ? this.draft.text : "",
        over: (notice, draft) => {
          this.draft = { of: session.person.name, text: draft };
          this.signIn(notice);
        },
      },
      session,
    );
    this.draft = { of: "", text: "" };
    this.replaceChildren(chat.element);
  }
}

/** What became of a sign-in elsewhere, as the address says it; once. */
function returned(): string {
  const [, reason] = /^#sign-in=(\w+)$/.exec(location.hash) ?? [];
  if (!reason) return "";
  history.replaceState(null, "", location.pathname);
  return strings.returned[reason] ?? strings.failed;
}

customElements.define("gatehouse-chat", GatehouseChat);
