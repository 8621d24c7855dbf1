/** Every word that the page says by itself; a translation replaces this object. */
export const strings = {
  product: "Gatehouse",
  loading: "Opening Gatehouse…",
  username: "User name",
  password: "Password",
  newPassword: "New password (at least 15 characters)",
  newPasswordHint: "Choose one that only you know.",
  signIn: "Sign in",
  signingIn: "Signing in…",
  signOut: "Sign out",
  clear: "Clear conversation",
  clearShort: "Clear",
  clearTitle: "Clear this conversation?",
  clearText: "Everything written here is destroyed and cannot be brought back.",
  clearYes: "Clear",
  keep: "Keep it",
  cleared: "The conversation was cleared. This is a new one.",
  ended: "That conversation has ended. This is a new one.",
  you: "You",
  assistant: "Assistant",
  log: "Conversation",
  welcome: "Hello {name}. What can I do for you?",
  composer: "Your message",
  placeholder: "Write a message",
  send: "Send",
  tooLong: "{count} characters too many",
  choices: "Choose an answer",
  answering: "Answering…",
  connected: "Connected",
  offline: "No connection. What you write is kept here.",
  notSent: "Not sent.",
  retry: "Retry",
  codeHidden: "Code ••••••",
  codeTitle: "Confirm it is you",
  codeLead: "You are about to approve:",
  codeLabel: "6-digit code from your authenticator app",
  codeConfirm: "Confirm",
  codeCancel: "Cancel",
  codeInvalid: "A code has six digits, or is one of your recovery codes.",
  codeLeft: "Valid for {time}",
  codeAttempts: "{count} tries left",
  codeAttempt: "1 try left",
  codeExpired: "The time for this code is over. Please ask again.",
  codeAccepted: "Confirmed with a code.",
  expiring: "You will be signed out in {time}.",
  stay: "Stay signed in",
  failed: "That did not work. Please try again.",
  unreachable: "Gatehouse cannot be reached.",
  downloaded: "Downloaded",
  opensNew: "opens in a new tab",
};

/** `text` with each `{name}` replaced. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Seconds as minutes and seconds, such as 4:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
