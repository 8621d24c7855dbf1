/** What the assistant says as elements: paragraphs and lists, each way of writing from its own side. */
import { el, linked } from "./dom";

const ITEM = /^[•-] +(.+)$/;

/** `text` with its lines that begin with a bullet as lists; `note` is said of links. */
export function said(text: string, note: string): HTMLElement {
  const made = el("div", { class: "said", dir: "auto" });
  let list: HTMLElement | null = null;
  let plain: string[] = [];
  const end = () => {
    if (plain.length) made.append(el("p", {}, linked(plain.join("\n"), note)));
    plain = [];
  };
  for (const line of text.split("\n")) {
    const item = ITEM.exec(line)?.[1];
    if (item === undefined) {
      list = null;
      plain.push(line);
    } else {
      end();
      if (!list) made.append((list = el("ul", {})));
      list.append(el("li", {}, linked(item, note)));
    }
  }
  end();
  return made;
}
