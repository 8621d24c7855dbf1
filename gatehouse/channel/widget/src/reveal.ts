/** Shows a password while it is chosen, so that nobody is locked out by a slip (NIST SP 800-63B-4 section 3.1.1.2). */
import { el } from "./dom";

export function reveal(input: HTMLInputElement, title: string): HTMLElement {
  const box = el("input", { type: "checkbox", id: `${input.id}-shown`, change: () => (input.type = box.checked ? "text" : "password") });
  return el("label", { class: "reveal", for: box.id }, box, title);
}
