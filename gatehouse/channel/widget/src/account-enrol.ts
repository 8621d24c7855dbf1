/** The second half of adding an authenticator: the person shows that it works. */
import type { Place } from "./account";
import type { Authenticator } from "./account-factors";
import { button, doing, fill, form, Told } from "./account-parts";
import { words } from "./account-strings";
import { bytes, text } from "./bytes";
import { el } from "./dom";

export interface Begun {
  id: string;
  kind: string;
  secret?: string;
  uri?: string;
  qr?: { size: number; path: string };
  options?: PublicKeyCredentialCreationOptionsJSON;
  sent_to?: string;
}
export interface Enrolled { authenticator: Authenticator; codes?: string[] }

export class Enrolment {
  constructor(
    private readonly place: Place,
    private readonly begun: Begun,
    private readonly title: string,
    private readonly done: (enrolled: Enrolled) => void,
  ) {}

  begin(): void {
    if (this.begun.options) this.key(this.begun.options);
    else this.code();
  }

  private async confirm(proof: object): Promise<void> {
    const path = `/authenticators/${encodeURIComponent(this.begun.id)}/confirmation`;
    this.done(await this.place.host.api.call<Enrolled>("POST", path, proof));
  }

  private code(): void {
    const { qr, secret, uri, sent_to } = this.begun;
    const input = el("input", {
      id: "step-code",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: "12",
      class: "digits",
    });
    const content = sent_to
      ? [el("p", {}, fill(words.enterSent, { to: sent_to }))]
      : [
          el("p", {}, el("strong", {}, words.scan), ` ${words.scanLead}`),
          ...(qr ? [picture(qr)] : []),
          el("p", { class: "soft" }, words.byHand),
          el("p", {}, el("code", { class: "secret" }, (secret ?? "").replace(/(.{4})(?=.)/g, "$1 "))),
          ...(uri?.startsWith("otpauth:") ? [el("p", {}, el("a", { href: uri }, words.openApp))] : []),
        ];
    form(this.place, this.title, content, { [words.enterCode]: input }, words.confirm, async () => {
      const code = input.value.replace(/\s/g, "");
      try {
        if (!/^\d{6}$/.test(code)) throw new Told(words.badCode);
        await this.confirm({ code });
      } catch (error) {
        input.value = "";
        input.focus();
        throw error;
      }
    });
  }

  private key(options: PublicKeyCredentialCreationOptionsJSON): void {
    const problem = el("p", { class: "problem", role: "alert" });
    const go = button(
      words.create,
      () =>
        void doing(this.place, go, problem, async () => {
          if (!("credentials" in navigator)) throw new Told(words.noKeys);
          const credential = await created(options);
          if (!credential) throw new Told(words.noKey);
          await this.confirm({ credential });
        }),
      "primary",
    );
    this.place.step(this.title, el("p", {}, words.createLead), problem, el("div", { class: "row" }, go));
  }
}

function picture({ size, path }: { size: number; path: string }): Node {
  const make = (name: string, facts: Record<string, string>) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
    return made;
  };
  const box = `0 0 ${size} ${size}`;
  const svg = make("svg", { viewBox: box, class: "qr", role: "img", "aria-label": words.qr, "shape-rendering": "crispEdges" });
  svg.append(
    make("rect", { width: `${size}`, height: `${size}`, fill: "#fff" }),
    make("path", { d: path, stroke: "#000", "stroke-width": "1" }),
  );
  return svg;
}

async function created(options: PublicKeyCredentialCreationOptionsJSON): Promise<object | null> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map((item) => ({ ...item, id: bytes(item.id) })),
  } as unknown as PublicKeyCredentialCreationOptions;
  const given = await navigator.credentials.create({ publicKey }).catch(() => null);
  if (!(given instanceof PublicKeyCredential)) return null;
  const said = given.response as AuthenticatorAttestationResponse;
  return {
    id: given.id,
    rawId: text(given.rawId),
    type: "public-key",
    response: {
      clientDataJSON: text(said.clientDataJSON),
      attestationObject: text(said.attestationObject),
      transports: said.getTransports(),
    },
  };
}
