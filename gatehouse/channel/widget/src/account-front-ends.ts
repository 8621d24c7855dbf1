/** The apps and devices with a key of their own that may speak for the person, and ending that. */
import type { Place } from "./account";
import { button, day, fill, row, sure } from "./account-parts";
import { words } from "./account-strings";
import { el } from "./dom";

interface FrontEnd { id: string; name: string; domain: string; scopes: string[]; expires_at: number; last_used_at: number | null }

/** Nothing at all for who has none, as most people. */
export async function frontEnds(place: Place): Promise<Node[]> {
  const { api } = place.host;
  const found = await api.call<{ front_ends: FrontEnd[] }>("GET", "/front-ends");
  const rows = found.front_ends.map((one) => {
    const title = fill(words.frontEndOf, { name: one.name });
    const end = async () => {
      await api.call("DELETE", `/front-ends/${encodeURIComponent(one.id)}`);
      place.home(fill(words.frontEndEnded, { name: one.name }));
    };
    const facts = [
      one.domain,
      fill(words.may, { what: one.scopes.map((scope) => words.scopes[scope] ?? scope).join(", ") }),
      fill(words.endsOn, { date: day(one.expires_at) }),
      one.last_used_at ? fill(words.used, { date: day(one.last_used_at) }) : words.unused,
    ];
    const ask = () => sure(place, title, words.frontEndLead, words.endIt, end);
    return row(one.name, facts.join(" · "), button(words.end, ask, "quiet", title));
  });
  return rows.length ? [el("p", { class: "soft" }, words.frontEndsLead), el("ul", {}, ...rows)] : [];
}
