/** Where the person is signed in, and ending that. */
import type { Place } from "./account";
import { button, doing, fill, moment, row, sure } from "./account-parts";
import { words } from "./account-strings";
import { el } from "./dom";

interface Open { id: string; browser: string; started_at: number; last_seen_at: number; current: boolean }

export async function sessions(place: Place): Promise<Node[]> {
  const { api } = place.host;
  const found = await api.call<{ sessions: Open[] }>("GET", "/sessions");
  const problem = el("p", { class: "problem", role: "alert" });
  const shown = found.sessions.map((one) => {
    const browser = one.browser || words.unknownBrowser;
    const since = moment(one.started_at);
    const detail = fill(words.since, { since, seen: moment(one.last_seen_at) });
    if (one.current) return row(`${browser} (${words.thisOne})`, detail);
    const end = button(words.end, () => void doing(place, end, problem, drop), "quiet", fill(words.endOf, { browser, since }));
    const drop = async () => {
      await api.call("DELETE", `/sessions/${encodeURIComponent(one.id)}`);
      place.home(words.ended);
    };
    return row(browser, detail, end);
  });
  const everywhere = async () => {
    await api.call("DELETE", "/sessions");
    place.close();
    place.host.leave();
  };
  const ask = () => sure(place, words.everywhereTitle, words.everywhereLead, words.everywhere, everywhere, words.stay);
  return [el("ul", {}, ...shown), problem, el("div", { class: "row" }, button(words.everywhere, ask))];
}
