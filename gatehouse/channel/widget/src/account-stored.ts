/** How much is stored about the person, until when, and what they can do about it. */
import type { Place } from "./account";
import { button, day, fill, moment, row, sure } from "./account-parts";
import { words } from "./account-strings";
import { el } from "./dom";

interface Stored {
  conversations: { started_at: number; expires_at: number; fixed: boolean; turns: number }[];
  holds: { since: number; conversations: number; reason: string }[];
  requests: string[];
}

export async function stored(place: Place): Promise<Node[]> {
  const found = await place.host.api.call<Stored>("GET", "/stored");
  const rows = found.conversations.map((one) =>
    row(
      fill(words.conversation, { date: moment(one.started_at), turns: turns(one.turns) }),
      fill(one.fixed ? words.untilFixed : words.until, { date: moment(one.expires_at) }),
    ),
  );
  const holds = found.holds.map((hold) =>
    el("p", {}, fill(words.hold, { date: day(hold.since), count: hold.conversations, reason: hold.reason })),
  );
  const buttons = [
    found.requests.includes("export") && button(words.export, () => ask(place, "export", words.exportSay)),
    found.requests.includes("erase") && button(words.erase, () => erase(place)),
  ];
  return [
    el("p", { class: "soft" }, rows.length ? words.storedLead : words.storedNone),
    el("ul", {}, ...rows),
    ...holds,
    el("p", { class: "soft" }, words.log),
    el("div", { class: "row" }, ...buttons),
  ];
}

const turns = (count: number) =>
  count === 0 ? words.noTurns : count === 1 ? words.turn : fill(words.turns, { count });

/** What leaves or ends is asked for in the conversation: there the rules decide and a factor confirms. */
function ask(place: Place, request: string, said: string): void {
  place.close();
  place.host.ask(request, said);
}

function erase(place: Place): void {
  const go = async () => ask(place, "erase", words.eraseSay);
  sure(place, words.eraseTitle, words.eraseLead, words.eraseGo, go, words.keep, "primary danger");
}
