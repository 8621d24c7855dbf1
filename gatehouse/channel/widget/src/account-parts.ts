/** Small pieces that the parts of the account panel share. */
import type { Place } from "./account";
import { words } from "./account-strings";
import { el } from "./dom";
import { fill } from "./fill";

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A failure that the panel found by itself; its message is for the person. */
export class Told extends Error {}

export const day = (at: number) => DAY.format(at * 1000);
export const moment = (at: number) => MOMENT.format(at * 1000);

export function button(title: string, click: () => void, kind = "quiet", label = title): HTMLButtonElement {
  return el("button", { type: "button", class: kind, "aria-label": label, click }, title);
}

export function row(title: string, detail: string, ...buttons: Node[]): HTMLElement {
  return el(
    "li",
    {},
    el("div", { class: "fact" }, el("strong", {}, title), el("span", { class: "soft" }, detail)),
    buttons.length > 0 && el("div", { class: "acts" }, ...buttons),
  );
}

/** Do `work` with `pressed` disabled; a failure is said below it. */
export async function doing(
  place: Place,
  pressed: HTMLButtonElement,
  problem: HTMLElement,
  work: () => Promise<void>,
): Promise<void> {
  pressed.disabled = true;
  problem.textContent = "";
  try {
    await work();
  } catch (error) {
    problem.textContent = place.failure(error);
  } finally {
    pressed.disabled = false;
  }
}

/** A step that asks before something that cannot be taken back. */
export function sure(place: Place, title: string, lead: string, yes: string, work: () => Promise<void>, no = words.keep, kind = "primary"): void {
  const problem = el("p", { class: "problem", role: "alert" });
  const go = button(yes, () => void doing(place, go, problem, work), kind);
  place.step(title, el("p", {}, lead), problem, el("div", { class: "row" }, button(no, () => place.home()), go));
}

/** A step with fields and one button. */
export function form(
  place: Place,
  title: string,
  content: (Node | string)[],
  fields: Record<string, HTMLInputElement>,
  go: string,
  work: () => Promise<void>,
): void {
  const problem = el("p", { class: "problem", role: "alert", id: "step-problem" });
  const pressed = el("button", { type: "submit", class: "primary" }, go);
  const rows = Object.entries(fields).map(([label, input]) => {
    input.setAttribute("aria-describedby", "step-problem");
    return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
  });
  const made = el(
    "form",
    {
      novalidate: true,
      submit: (event) => {
        event.preventDefault();
        const empty = Object.values(fields).find((input) => !input.value.trim());
        if (empty) return empty.focus();
        if (!pressed.disabled) void doing(place, pressed, problem, work);
      },
    },
    ...rows,
    problem,
    el("div", { class: "row" }, pressed),
  );
  place.step(title, ...content, made);
}

export { fill };
