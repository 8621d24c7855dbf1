/** The sign-in form; asks for a new password when the initial one has to go. */
import { type Api, Refused, type Session } from "./api";
import { el } from "./dom";
import { reveal } from "./reveal";
import { fill, strings } from "./strings";

export function signInForm(
  api: Api,
  page: { organisation: string; provider: string; passwords: boolean; notice: string },
  done: (session: Session) => void,
): HTMLElement {
  const username = el("input", {
    id: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: "128",
    required: true,
  });
  const password = el("input", {
    id: "password",
    type: "password",
    autocomplete: "current-password",
    maxlength: "256",
    required: true,
  });
  const changed = el("input", {
    id: "new-password",
    type: "password",
    autocomplete: "new-password",
    maxlength: "256",
    "aria-describedby": "new-password-hint",
  });
  const change = el(
    "div",
    { class: "field", hidden: true },
    el("label", { for: "new-password" }, strings.newPassword),
    changed,
    reveal(changed, strings.showPassword),
    el("p", { id: "new-password-hint", class: "hint" }, strings.newPasswordHint),
  );
  const problem = el("p", { class: "problem", role: "alert" }, page.notice);
  const button = el("button", { class: "primary", type: "submit" }, strings.signIn);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (button.disabled) return;
    const empty = [username, password, changed].find((item) => item.offsetParent && !item.value);
    if (empty) return empty.focus();
    button.disabled = true;
    button.textContent = strings.signingIn;
    problem.textContent = "";
    try {
      done(await api.signIn(username.value, password.value, change.hidden ? "" : changed.value));
    } catch (error) {
      const refused = error as Refused;
      problem.textContent = refused.message || strings.unreachable;
      if (refused.code === "initial_password" || refused.code === "new_password") {
        change.hidden = false;
        changed.value = "";
        changed.focus();
      } else if (refused.status === 401) {
        password.value = "";
        password.focus();
      }
    } finally {
      button.disabled = false;
      button.textContent = strings.signIn;
    }
  }

  // A plain link: the provider's page is another origin, which a form may not be sent to.
  const elsewhere: HTMLElement | "" =
    page.provider &&
    el(
      "a",
      { class: "primary", href: "/sign-in", target: "_top" },
      fill(strings.provider, { name: page.provider }),
    );
  const fields = page.passwords
    ? [
        elsewhere && el("p", { class: "or" }, strings.orPassword),
        el("div", { class: "field" }, el("label", { for: "username" }, strings.username), username),
        el("div", { class: "field" }, el("label", { for: "password" }, strings.password), password),
        change,
        problem,
        button,
      ]
    : [problem];
  queueMicrotask(() => (elsewhere || username).focus());
  return el(
    "main",
    { class: "door" },
    el(
      "form",
      { class: "panel", novalidate: true, "aria-labelledby": "door-title", submit },
      el("span", { class: "mark", "aria-hidden": "true" }),
      el("h1", { id: "door-title" }, strings.product),
      page.organisation && el("p", { class: "organisation" }, page.organisation),
      elsewhere,
      ...fields,
    ),
  );
}
