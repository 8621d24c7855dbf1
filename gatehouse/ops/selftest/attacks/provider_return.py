"""Answers of a provider of sign-in that this browser never asked for, and addresses smuggled into them."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import urlencode, urlsplit

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.attacks.bearer_tokens import token
from gatehouse.ops.selftest.browser import SESSION
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer

EVIL = "https://selftest.invalid/"
NEXT = ("next", "return_to", "redirect_uri", "target_link_uri", "RelayState", "url")
LOGGED_OUT = "http://schemas.openid.net/event/backchannel-logout"


def attempt(trial: Trial) -> None:
    made_up = secrets.token_urlsafe(32)
    flow = base64.urlsafe_b64encode(secrets.token_bytes(96)).rstrip(b"=").decode()
    answer = {"code": made_up, "state": made_up, "iss": trial.site.target.origin}
    tries: dict[str, tuple[list[tuple[str, str]], str]] = {
        "an answer that nobody asked for": (list(answer.items()), ""),
        "an answer beside a made-up flow": (list(answer.items()), f"__Host-gatehouse-flow={flow}"),
        "a state that is there twice": ([*answer.items(), ("state", "x")], ""),
        "an error that carries markup": ([("error", "<script>alert(1)</script>")], ""),
        "an answer that names where to go": ([*answer.items(), *((k, EVIL) for k in NEXT)], ""),
    }
    for what, (query, cookie) in tries.items():
        headers = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")]
        headers += [("Cookie", cookie)] if cookie else []
        came = trial.site.send("GET", f"/sign-in/return?{urlencode(query)}", headers)
        _nobody_came_in(trial, came, what)
    begun = trial.site.send("GET", f"/sign-in?{urlencode([(name, EVIL) for name in NEXT])}")
    where = urlsplit(begun.header("location")).hostname
    trial.hold(where != urlsplit(EVIL).hostname, "/sign-in leads to where the query says")
    for how, made in (
        ("without a signature", token({"alg": "none", "typ": "logout+jwt"}, _LOGOUT)),
        ("signed with a guessed secret", token({"alg": "HS256"}, _LOGOUT, b"secret")),
        ("that is no token", "logout"),
    ):
        said = trial.site.send(
            "POST",
            "/sign-in/logout",
            [("Content-Type", "application/x-www-form-urlencoded")],
            urlencode({"logout_token": made}).encode(),
        )
        trial.refused(said, f"a sign-out token {how}", 400, 404)


_LOGOUT = {
    "iss": "https://selftest.invalid",
    "aud": "gatehouse",
    "sub": "selftest",
    "events": {LOGGED_OUT: {}},
}


def _nobody_came_in(trial: Trial, answer: Answer, what: str) -> None:
    trial.refused(answer, what, 303, 400, 401, 403, 404)
    opened = [value for value in answer.all("set-cookie") if value.startswith(f"{SESSION}=")]
    emptied = [value for value in opened if value.startswith(f"{SESSION}=;")]
    trial.hold(opened == emptied, f"{what} opens a session")
    where = urlsplit(answer.header("location"))
    at_home = not where.netloc or where.netloc == trial.site.target.netloc
    trial.hold(at_home, f"{what} leads to another site")
    trial.hold(
        "<script>" not in answer.text + answer.header("location"), f"{what} is repeated as it came"
    )


ATTACK = Attack(
    id="provider-return",
    title="Come back from a provider of sign-in without having been sent there",
    stride=("S", "T"),
    asvs=("V10.1.2", "V10.2.1", "V3.7.2"),
    severity="critical",
    expects="Nobody is signed in, nothing is repeated, and nobody is led elsewhere.",
    mend="Bind state and nonce to the browser that began; follow no address of a request.",
    attempt=attempt,
    order=22,
)
