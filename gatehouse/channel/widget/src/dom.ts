/** Builds elements. Text only ever becomes a text node: there is no way from a string to markup. */

type Child = Node | string | null | undefined | false;
type Props = Record<string, string | boolean | ((event: Event) => void) | undefined>;

export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (typeof value === "string") made.setAttribute(key, value);
  }
  made.append(...children.filter((child): child is Node | string => !!child || child === ""));
  return made;
}

const LINK = /(?:https:\/\/|mailto:)[^\s<>"']+[^\s<>"'.,;:!?)\]]/gi;

/** `text` with its https and mailto addresses as links; the whole address is shown. */
export function linked(text: string, note: string): DocumentFragment {
  const out = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const url = safe(match[0]);
    if (!url) continue;
    out.append(text.slice(at, match.index));
    const shown = url.protocol === "mailto:" ? url.pathname : url.href;
    const link = el("a", { href: url.href, rel: "noopener noreferrer" }, shown);
    if (url.protocol === "https:") {
      link.target = "_blank";
      link.append(el("span", { class: "unseen" }, ` (${note})`));
    }
    out.append(link);
    at = match.index + match[0].length;
  }
  out.append(text.slice(at));
  return out;
}

function safe(text: string): URL | null {
  try {
    const url = new URL(text);
    const plain = !url.username && !url.password;
    return plain && (url.protocol === "https:" || url.protocol === "mailto:") ? url : null;
  } catch {
    return null;
  }
}
