"""The attributes of the cookies that a sign-in sets."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    browser = trial.stranger()
    answer = browser.sign_in(account.username, account.password)
    if answer.status != 200:
        cannot("the test account could not sign in")
    given = answer.all("set-cookie")
    trial.hold(bool(given), "signing in sets no cookie")
    for cookie in given:
        pair, *rest = cookie.split(";")
        name, _, value = pair.strip().partition("=")
        attributes = {item.strip().lower() for item in rest}
        if not value or "max-age=0" in attributes:
            continue
        trial.hold(name.startswith("__Host-"), f"{name}: the name has no __Host- prefix")
        trial.hold("secure" in attributes, f"{name}: not Secure")
        trial.hold("httponly" in attributes, f"{name}: scripts can read it (not HttpOnly)")
        trial.hold("samesite=strict" in attributes, f"{name}: not SameSite=Strict")
        trial.hold("path=/" in attributes, f"{name}: the path is not /")
        wide = any(item.startswith("domain=") for item in attributes)
        trial.hold(not wide, f"{name}: given to other hosts (Domain)")
        trial.hold(len(pair) <= 4096, f"{name}: longer than browsers keep")
    trial.hold(
        "token" not in answer.text.lower(), "the answer to a sign-in shows a token to scripts"
    )
    browser.sign_out()


ATTACK = Attack(
    id="cookie-attributes",
    title="Look for cookies that scripts, other sites or plain HTTP could get at",
    stride=("S", "I"),
    asvs=("V3.3.1", "V3.3.2", "V3.3.3", "V3.3.4", "V3.3.5"),
    severity="high",
    expects="__Host- prefix, Secure, HttpOnly, SameSite=Strict, Path=/, no Domain.",
    mend="Leave the cookies as Gatehouse sets them; a proxy must not rewrite them.",
    attempt=attempt,
    needs="account",
)
