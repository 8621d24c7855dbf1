/** The person's own password: the one they have, a new one, and a second factor where there is one. */
import type { Place } from "./account";
import { button, form } from "./account-parts";
import { prove } from "./account-proof";
import { words } from "./account-strings";
import type { Challenge } from "./api";
import { el } from "./dom";
import { reveal } from "./reveal";

export async function password(place: Place): Promise<Node[]> {
  return [el("div", { class: "row" }, button(words.passwordChange, () => change(place)))];
}

function change(place: Place): void {
  const field = (id: string, autocomplete: string) => el("input", { id, type: "password", maxlength: "256", autocomplete });
  const current = field("step-password", "current-password");
  const chosen = field("step-new-password", "new-password");
  const fields = { [words.passwordNow]: current, [words.passwordNew]: chosen };
  const lead = el("p", {}, words.passwordLead);
  form(place, words.passwordChange, [lead], fields, words.passwordChange, async () => {
    const wish = { password: current.value, new_password: chosen.value };
    const done = () => place.home(words.passwordChanged);
    const ask = (more: object) => place.host.api.call<{ challenge: Challenge } | null>("POST", "/password", { ...wish, ...more });
    const asked = await ask({});
    if (!asked) return done();
    const { challenge } = asked;
    prove(place, words.passwordChange, challenge, (proof) => ask({ challenge: challenge.id, ...proof }), done);
  });
  chosen.after(reveal(chosen, words.passwordShow));
}
