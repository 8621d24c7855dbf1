/** What happened to the person's sign-in, such as a factor that was added: shown until dismissed. */
import { type Api, type Notice } from "./api";
import { el } from "./dom";
import { strings } from "./strings";

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export class Notices {
  readonly element = el("section", { class: "notices", "aria-label": strings.notices, hidden: true });

  constructor(
    private readonly api: Api,
    private readonly isOver: (error: unknown) => boolean,
    private readonly dismissed: () => void,
  ) {}

  async load(): Promise<void> {
    try {
      const found = await this.api.call<{ notices: Notice[] }>("GET", "/notices");
      this.element.replaceChildren(...found.notices.map((notice) => this.row(notice)));
      this.element.hidden = !found.notices.length;
    } catch (error) {
      this.isOver(error);
    }
  }

  private row(notice: Notice): HTMLElement {
    const row = el(
      "div",
      { class: "warning", role: "alert" },
      el("p", {}, `${TIME.format(notice.at * 1000)}: ${notice.text}`),
      el("button", { type: "button", class: "link", click: () => void this.dismiss(notice.id, row) }, strings.dismiss),
    );
    return row;
  }

  private async dismiss(id: string, row: HTMLElement): Promise<void> {
    try {
      await this.api.call("DELETE", `/notices/${encodeURIComponent(id)}`);
      row.remove();
      this.element.hidden = !this.element.childElementCount;
      this.dismissed();
    } catch (error) {
      this.isOver(error);
    }
  }
}
