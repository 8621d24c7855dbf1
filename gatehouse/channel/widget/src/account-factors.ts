/** The person's authenticators: a list, and the steps that change it. Every change is proven by a factor first. */
import type { Place } from "./account";
import { Enrolment, type Enrolled } from "./account-enrol";
import { button, day, doing, fill, form, row, sure } from "./account-parts";
import { CHANGES, prove, waitingAt } from "./account-proof";
import { words } from "./account-strings";
import type { Challenge, Refused } from "./api";
import { el } from "./dom";

export interface Authenticator {
  id: string;
  kind: string;
  name: string;
  created_at: number;
  last_used_at: number | null;
  sent_to?: string;
  suspended?: boolean;
}
interface Found { authenticators: Authenticator[]; recovery_codes: number; kinds: string[]; first: boolean }

export class Factors {
  constructor(private readonly place: Place) {}

  private get api() {
    return this.place.host.api;
  }

  async list(): Promise<Node[]> {
    const found = await this.api.call<Found>("GET", "/authenticators");
    const rows = found.authenticators.map((one) => this.row(one));
    const adds = found.kinds.map((kind) => button(words.adds[kind] ?? kind, () => this.add(kind, found.authenticators)));
    const problem = el("p", { class: "problem", role: "alert" });
    const renew = button(words.recoveryNew, () =>
      void doing(this.place, renew, problem, () => this.change({ change: "recovery" }, words.recoveryNew, (done) => this.codes(done.codes ?? [], words.codesLeadAgain))),
    );
    const parts: (Node | false)[] = [
      el("p", { class: "soft" }, rows.length ? words.factorsLead : words.factorsNone),
      found.first && el("p", {}, words.factorsFirst),
      el("ul", {}, ...rows, !found.first && row(fill(words.recovery, { count: found.recovery_codes }), found.recovery_codes ? words.recoveryLead : words.recoveryNone, renew)),
      problem,
      el("div", { class: "row" }, ...adds),
    ];
    return parts.filter((node) => node !== false);
  }

  private row(one: Authenticator): HTMLElement {
    const kind = words.kinds[one.kind] ?? one.kind;
    const facts = [
      kind !== one.name && kind,
      one.sent_to,
      fill(words.added, { date: day(one.created_at) }),
      one.last_used_at ? fill(words.used, { date: day(one.last_used_at) }) : words.unused,
      one.suspended && words.suspended,
    ];
    return row(
      one.name,
      facts.filter(Boolean).join(" · "),
      button(words.rename, () => this.rename(one), "quiet", fill(words.renameOf, { name: one.name })),
      button(words.remove, () => this.remove(one), "quiet", fill(words.removeOf, { name: one.name })),
    );
  }

  private rename(one: Authenticator): void {
    const name = field("name", one.name);
    form(this.place, fill(words.renameOf, { name: one.name }), [], { [words.name]: name }, words.save, async () => {
      await this.api.call("POST", `/authenticators/${encodeURIComponent(one.id)}/name`, { name: name.value.trim() });
      this.place.home(words.renamed);
    });
  }

  private remove(one: Authenticator, anyway = false): void {
    const title = fill(words.removeOf, { name: one.name });
    const work = (now: boolean) =>
      this.change({ change: "remove", id: one.id, ...(now && { anyway: true }) }, title, () =>
        this.place.home(fill(words.removed, { name: one.name })),
      );
    sure(this.place, title, words.kinds[one.kind] ?? one.kind, words.remove, async () => {
      try {
        await work(anyway);
      } catch (error) {
        if ((error as Refused).code !== "last_factor") throw error;
        sure(this.place, title, (error as Refused).message, words.removeAnyway, () => work(true));
      }
    });
  }

  private add(kind: string, have: Authenticator[]): void {
    const title = words.adds[kind] ?? kind;
    const plain = words.nameOf[kind] ?? kind;
    const taken = have.filter((one) => one.name.startsWith(plain)).length;
    const name = field("name", taken ? `${plain} ${taken + 1}` : plain);
    const fields: Record<string, HTMLInputElement> = {};
    const label = words.address[kind];
    const address = field("address", "", kind === "sms" ? "tel" : "email");
    if (label) fields[label] = address;
    fields[words.name] = name;
    form(this.place, title, [], fields, words.next, async () => {
      const wish = { change: "add", kind, name: name.value.trim(), ...(label && { address: address.value.trim() }) };
      await this.change(wish, title, (done) => {
        if (!done.enrolment) return this.place.home();
        new Enrolment(this.place, done.enrolment, title, (enrolled) => this.enrolled(enrolled)).begin();
      });
    });
  }

  private enrolled({ authenticator, codes }: Enrolled): void {
    const said = fill(words.addedNow, { name: authenticator.name });
    if (codes?.length) this.codes(codes, words.codesLead, said);
    else this.place.home(said);
  }

  /** Ask for a change, have it proven, go on with what comes of it. */
  private async change(wish: object, title: string, then: (done: Done) => void): Promise<void> {
    const { challenge } = await this.api.call<{ challenge: Challenge }>("POST", CHANGES, wish);
    prove(this.place, title, challenge, (proof) => this.api.call<Done>("POST", waitingAt(challenge), proof), then);
  }

  /** Recovery codes are shown once. */
  private codes(codes: string[], lead: string, said = ""): void {
    const told = el("p", { role: "status" });
    const copy = async () => {
      await navigator.clipboard.writeText(codes.join("\n")).then(() => (told.textContent = words.copied), () => undefined);
    };
    this.place.step(
      words.codes,
      el("p", {}, lead),
      el("ul", { class: "codes" }, ...codes.map((code) => el("li", {}, el("code", {}, code)))),
      told,
      el(
        "div",
        { class: "row" },
        button(words.copy, () => void copy()),
        button(words.kept, () => this.place.home(said), "primary"),
      ),
    );
  }
}

interface Done { enrolment?: ConstructorParameters<typeof Enrolment>[1]; codes?: string[] }

function field(id: string, value: string, type = "text"): HTMLInputElement {
  const made = el("input", { id: `step-${id}`, type, maxlength: id === "name" ? "40" : "254", autocomplete: type === "text" ? "off" : type });
  made.value = value;
  return made;
}
