/** The place of the card in the chat: shows it, sends what is given, takes it away. */
import { type Api, type Challenge, type Proof, type Refused, type Reply } from "./api";
import { CodeCard } from "./card";
import { el } from "./dom";
import { strings } from "./strings";

export interface Around {
  newId(): string;
  enqueue(work: () => Promise<void>): void;
  take(reply: Reply): void;
  alive(reply: Reply): void;
  isOver(error: unknown): boolean;
  /** The card is gone. */
  done(): void;
}

export class Confirming {
  readonly element = el("div", { class: "card-place" });
  private card: CodeCard | null = null;

  constructor(
    private readonly api: Api,
    private readonly around: Around,
  ) {}

  get open(): boolean {
    return !!this.card;
  }

  show(challenge: Challenge | null): void {
    if (challenge && this.card?.id === challenge.id) {
      this.card.busy(false);
      return this.card.update(challenge);
    }
    const had = this.card;
    this.close();
    if (challenge) {
      const card = new CodeCard(challenge, {
        submit: (proof) => this.answer(card, proof),
        cancel: () => this.cancel(card),
        deliver: (authenticator) => this.api.deliver(card.id, authenticator),
      });
      this.card = card;
      this.element.append(card.element);
      card.focus();
    } else if (had) this.around.done();
  }

  close(): void {
    this.card?.remove();
    this.card = null;
  }

  private answer(card: CodeCard, proof: Proof): void {
    const id = this.around.newId();
    this.around.enqueue(async () => {
      try {
        const reply = await this.api.prove(id, card.id, proof);
        if (reply.accepted === false && reply.challenge?.id === card.id) {
          this.around.alive(reply);
          card.update(reply.challenge);
          return card.say(reply.messages.map((message) => message.text).join(" "));
        }
        this.around.take(reply);
      } catch (error) {
        this.failed(card, error);
      }
    });
  }

  private cancel(card: CodeCard): void {
    this.around.enqueue(async () => {
      try {
        this.around.take(await this.api.cancel(card.id));
      } catch (error) {
        this.failed(card, error);
      }
    });
  }

  private failed(card: CodeCard, error: unknown): void {
    if (!this.around.isOver(error)) card.say((error as Refused).message || strings.unreachable);
  }
}
