/** A change that is proven by a factor first: the card, and what comes of the answer. */
import type { Place } from "./account";
import type { Challenge, Delivery, Proof, Refused } from "./api";

export const CHANGES = "/authenticators/changes";
export const waitingAt = (challenge: Challenge) => `${CHANGES}/${encodeURIComponent(challenge.id)}`;

export function prove<T>(
  place: Place,
  title: string,
  challenge: Challenge,
  answer: (proof: Proof) => Promise<T>,
  then: (done: T) => void,
): void {
  const { api } = place.host;
  const path = waitingAt(challenge);
  const submit = async (proof: Proof) => {
    try {
      const done = await answer(proof);
      card.remove();
      then(done);
    } catch (error) {
      const sentence = place.failure(error);
      if (sentence === null) return;
      const { facts } = error as Refused;
      card.update(facts);
      if (facts.closed) card.end(sentence);
      else card.say(sentence);
    }
  };
  const card = place.host.card(challenge, {
    submit: (proof) => void submit(proof),
    cancel: () => {
      card.remove();
      // Whatever becomes of it: it expires by itself.
      api.call("DELETE", path).catch(() => undefined);
      place.home();
    },
    deliver: (authenticator) => api.call<Delivery>("POST", `${path}/delivery`, { authenticator }),
  });
  place.step(title, card.element);
  card.focus();
}
