/** The head of the chat: who is signed in, their account, clearing, signing out. */
import { el } from "./dom";
import { strings } from "./strings";

export interface Wishes {
  account(): void;
  clear(): void;
  leave(): void;
}

export function header(organisation: string, name: string, wishes: Wishes): HTMLElement {
  const dialog = clearDialog(wishes);
  const button = (title: string, label: string, click: () => void) =>
    el("button", { type: "button", class: "quiet", "aria-label": label, click }, title);
  return el(
    "header",
    {},
    el("span", { class: "mark", "aria-hidden": "true" }),
    el(
      "div",
      { class: "name" },
      el("h1", {}, strings.product),
      organisation && el("p", { class: "organisation" }, organisation),
    ),
    el("span", { class: "who" }, name),
    button(strings.account, strings.account, () => wishes.account()),
    button(strings.clearShort, strings.clear, () => dialog.showModal()),
    button(strings.signOut, strings.signOut, () => wishes.leave()),
    dialog,
  );
}

function clearDialog(wishes: Wishes): HTMLDialogElement {
  const dialog: HTMLDialogElement = el(
    "dialog",
    { "aria-labelledby": "clear-title", "aria-describedby": "clear-text" },
    el("h2", { id: "clear-title" }, strings.clearTitle),
    el("p", { id: "clear-text" }, strings.clearText),
    el(
      "div",
      { class: "row" },
      el("button", { type: "button", class: "quiet", click: () => dialog.close() }, strings.keep),
      el(
        "button",
        {
          type: "button",
          class: "primary danger",
          click: () => {
            dialog.close();
            wishes.clear();
          },
        },
        strings.clearYes,
      ),
    ),
  );
  return dialog;
}
