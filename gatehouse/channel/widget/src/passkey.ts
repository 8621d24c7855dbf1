/** Asks the browser for the signature of a passkey or security key. */
import { bytes, text } from "./bytes";

/** The assertion for `options`; null when the person gave up or there is no such key here. */
export async function signed(options: PublicKeyCredentialRequestOptionsJSON): Promise<object | null> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: (options.allowCredentials ?? []).map((item) => ({ ...item, id: bytes(item.id) })),
  } as unknown as PublicKeyCredentialRequestOptions;
  const given = await navigator.credentials.get({ publicKey }).catch(() => null);
  if (!(given instanceof PublicKeyCredential)) return null;
  const said = given.response as AuthenticatorAssertionResponse;
  return {
    id: given.id,
    rawId: text(given.rawId),
    type: "public-key",
    response: {
      clientDataJSON: text(said.clientDataJSON),
      authenticatorData: text(said.authenticatorData),
      signature: text(said.signature),
      ...(said.userHandle && { userHandle: text(said.userHandle) }),
    },
  };
}
