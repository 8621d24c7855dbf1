"""Every kind of factor, set up the way a person does it, with its good and wrong answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pyotp
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import Unavailable
from gatehouse.stepup import Challenge
from gatehouse.stepup.assembly import StepUpParts, assemble
from gatehouse.stepup.carriers import KIND, SYSTEM
from gatehouse.stepup.refusals import NotSent
from tests.passkey import SoftAuthenticator

from .conftest import (
    CONVERSATION,
    KEY,
    PERSON,
    RESUME,
    SEED,
    SESSION,
    SETTINGS,
    SITE,
    VALUES,
    Audit,
)
from .people import ERIN

KINDS = ("totp", "recovery", "webauthn", "email", "sms")
ADDRESS = {"email": "erin.walsh@example.org", "sms": "+4930123456"}


@dataclass(frozen=True)
class Sent:
    address: str
    text: str
    message_id: str

    @property
    def code(self) -> str:
        found = re.search(r"(\d{3}) ?(\d{3})", self.text)
        assert found
        return found[1] + found[2]


@dataclass
class Post:
    """Takes e-mails and text messages, or fails."""

    sent: list[Sent] = field(default_factory=list)
    broken: bool = False

    def send(self, address: str, subject: str, text: str, message_id: str) -> None:
        if self.broken:
            raise NotSent("unreachable")
        if "code" in subject:
            self.sent.append(Sent(address, text, message_id))

    def deliver(
        self, name: str, kind: str, data: dict[str, str], *, message_id: str = "", within: float = 0
    ) -> None:
        assert (SYSTEM, KIND) == (name, kind)
        if self.broken:
            raise Unavailable("away")
        self.sent.append(Sent(data["to"], data["text"], message_id))

    def codes(self) -> set[str]:
        return {one.code for one in self.sent}

    def last_code(self) -> str:
        return self.sent[-1].code


def parts_over(
    engine: Engine, clock: SettableClock, audit: Audit, post: Post, *, sms_level: str = "aal1"
) -> StepUpParts:
    settings = replace(SETTINGS, sms_level=sms_level)
    return assemble(
        engine, clock, settings, lambda name: KEY, audit.append, site=SITE, mail=post, texts=post
    )


def asked(parts: StepUpParts, *, level: str = "aal2", **changes: Any) -> Challenge:
    request: dict[str, Any] = {
        "person_id": PERSON, "session_id": SESSION, "conversation_id": CONVERSATION,
        "intent": "view_payslip", "values": VALUES, "prompt": "show your payslip for October 2026",
        "resume": RESUME, "level": level,
    }  # fmt: skip
    return parts.step_up.request(**{**request, **changes})


def delivered_to(parts: StepUpParts, post: Post, kind: str) -> str:
    """The id of a confirmed address of `PERSON`."""
    factor = next(one for one in parts.delivered if one.kind == kind)
    identity, _ = factor.begin(ERIN, "Mine", ADDRESS[kind], "tag")
    factor.send_first(PERSON, identity, "tag")
    factor.confirm(PERSON, identity, post.last_code(), "tag", lambda: None)
    return identity


@dataclass
class Held:
    """What a person holds of one kind: a good and a wrong answer to a challenge."""

    kind: str
    good: Callable[[Challenge], Any]
    wrong: Callable[[Challenge], Any]


def held(kind: str, parts: StepUpParts, clock: SettableClock, post: Post) -> Held:
    """Set up a factor of `kind` for `PERSON`."""
    if kind == "totp":
        parts.totp.set_demo_secret(PERSON, SEED)
        code = pyotp.TOTP(SEED)

        def off(_: Challenge) -> str:
            return f"{(int(code.at(int(clock.now()))) + 123_456) % 10**6:06d}"

        return Held(kind, lambda _: code.at(int(clock.now())), off)
    if kind == "recovery":
        codes = iter(parts.recovery.issue(PERSON))
        return Held(kind, lambda _: next(codes), lambda _: "rc-22222-22222")
    if kind == "webauthn":
        device = SoftAuthenticator(SITE.origin)
        identity, shown = parts.passkeys.begin(ERIN, "Laptop", "", "tag")
        made = device.create(shown["options"])
        parts.passkeys.confirm(PERSON, identity, made, "tag", lambda: None)

        def sign(challenge: Challenge, **changes: Any) -> dict[str, Any]:
            about = parts.step_up.approval_of(challenge)
            return device.get(
                dict(parts.passkeys.options(challenge.person_id, about) or {}), **changes
            )

        return Held(kind, sign, lambda challenge: sign(challenge, origin="https://evil.example"))
    identity = delivered_to(parts, post, kind)

    def deliver(challenge: Challenge) -> str:
        before = len(post.sent)
        parts.step_up.deliver(
            challenge.id, challenge.session_id, challenge.conversation_id, identity
        )
        assert before + 1 == len(post.sent)
        return post.last_code()

    def far(challenge: Challenge) -> str:
        return f"{(int(deliver(challenge)) + 123_456) % 10**6:06d}"

    return Held(kind, deliver, far)
