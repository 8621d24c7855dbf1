"""Passkeys, against an authenticator in software (tests/passkey.py)."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse import metrics
from gatehouse.clock import SettableClock
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.settings import load_settings
from gatehouse.stepup import Challenge, ChallengeRefused, CodeRefused, Grant, GrantRefused
from gatehouse.stepup.assembly import StepUpParts, assemble, passkey_site
from gatehouse.stepup.own_factors import Change
from gatehouse.stepup.schema import authenticators
from tests.passkey import PRESENT, SoftAuthenticator, b64, unb64

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
    Desk,
)
from .people import ERIN, OTHER

ABOUT = "ab" * 32


@pytest.fixture
def audit() -> Audit:
    return Audit()


@pytest.fixture
def parts(engine: Engine, clock: SettableClock, audit: Audit) -> StepUpParts:
    return assemble(engine, clock, SETTINGS, lambda name: KEY, audit.append, site=SITE)


def registered(parts: StepUpParts, device: SoftAuthenticator, name: str = "Laptop") -> str:
    """The id of a passkey of `device`, registered for `PERSON`."""
    identity, shown = parts.passkeys.begin(ERIN, name, "", "tag")
    parts.passkeys.confirm(PERSON, identity, device.create(shown["options"]), "tag", lambda: None)
    return identity


def options_of(parts: StepUpParts, about: str = ABOUT) -> dict[str, Any]:
    found = parts.passkeys.options(PERSON, about)
    assert found is not None
    return dict(found)


def reason(parts: StepUpParts, answer: object, about: str = ABOUT, person: str = PERSON) -> str:
    with pytest.raises(CodeRefused) as refused:
        parts.passkeys.verify(person, answer, about)
    return refused.value.reason


@pytest.fixture
def device() -> SoftAuthenticator:
    return SoftAuthenticator(SITE.origin)


def test_a_passkey_signs_for_one_request(parts: StepUpParts, device: SoftAuthenticator) -> None:
    """The challenge is the digest of the request; what was signed for it is good for it, once."""
    registered(parts, device)
    options = options_of(parts)
    assert (bytes.fromhex(ABOUT), "required") == (
        unb64(options["challenge"]), options["userVerification"],
    )  # fmt: skip
    assert [(b64(device.credential_id), ["internal"])] == [
        (one["id"], one["transports"]) for one in options["allowCredentials"]
    ]
    answer = device.get(options)
    assert "wrong" == reason(parts, answer, "cd" * 32)
    assert parts.passkeys.verify(PERSON, answer, ABOUT) < -1
    assert "replayed" == reason(parts, answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "webauthn.create"},
        {"origin": "https://desk.example.org.evil.example"},
        {"origin": "http://desk.example.org"},
        {"challenge": b64(bytes(32))},
        {"rp_id": "example.org"},
        {"flags": PRESENT},
        {"flags": 0x04},
        {"flags": 0x1D},
        {"crossOrigin": True},
        {"crossOrigin": True, "topOrigin": "https://desk.example.org"},
    ],
)
def test_what_is_signed_for_something_else_is_refused(
    parts: StepUpParts, device: SoftAuthenticator, changes: dict[str, Any]
) -> None:
    """Another ceremony, site or request, without verification of the user, or inside another page."""
    registered(parts, device)
    assert "wrong" == reason(parts, device.get(options_of(parts), **changes))


def test_a_page_that_may_frame_ours_may_ask(
    engine: Engine, clock: SettableClock, device: SoftAuthenticator
) -> None:
    """And no other page may, where the browser says which one it is."""
    portal = "https://portal.example.org"
    framed = type(SITE)(SITE.origin, SITE.rp_id, (portal,))
    parts = assemble(engine, clock, SETTINGS, lambda name: KEY, Audit().append, site=framed)
    registered(parts, device)
    wrong = device.get(options_of(parts), crossOrigin=True, topOrigin="https://evil.example")
    assert "wrong" == reason(parts, wrong)
    right = device.get(options_of(parts), crossOrigin=True, topOrigin=portal)
    assert parts.passkeys.verify(PERSON, right, ABOUT)


@pytest.mark.parametrize(
    "place", ["signature", "authenticatorData", "clientDataJSON", "userHandle"]
)
def test_an_altered_answer_is_refused(
    parts: StepUpParts, device: SoftAuthenticator, place: str
) -> None:
    """Whatever part of it."""
    registered(parts, device)
    answer = device.get(options_of(parts))
    data = bytearray(unb64(answer["response"][place]))
    data[-1] ^= 1
    answer["response"][place] = b64(bytes(data))
    assert reason(parts, answer) in {"wrong", "malformed"}


def garbage() -> list[object]:
    whole = SoftAuthenticator(SITE.origin).get({"rpId": SITE.rp_id, "challenge": b64(bytes(32))})
    found: list[object] = [{}, {"id": 1}, {**whole, "type": "password"}, {**whole, "response": []}]
    for name in ("clientDataJSON", "authenticatorData", "signature"):
        for value in (None, 7, "", "ä", "A" * 20_000, "a b", {}):
            odd = copy.deepcopy(whole)
            odd["response"][name] = value
            found.append(odd)
    return found


@pytest.mark.parametrize("answer", garbage())
def test_garbage_is_malformed(
    parts: StepUpParts, device: SoftAuthenticator, answer: object
) -> None:
    """Refused without an exception of any parser."""
    registered(parts, device)
    assert "malformed" == reason(parts, answer)


def asked(parts: StepUpParts, level: str = "aal2") -> Challenge:
    return parts.step_up.request(
        person_id=PERSON, session_id=SESSION, conversation_id=CONVERSATION, intent="view_payslip",
        values=VALUES, prompt="show your payslip for October 2026", resume=RESUME, level=level,
    )  # fmt: skip


def answered(parts: StepUpParts, device: SoftAuthenticator, challenge: Challenge) -> Grant:
    options = dict(parts.step_up.browser_options(challenge) or {})
    options.setdefault("rpId", SITE.rp_id)
    options.setdefault("challenge", b64(bytes(32)))
    return parts.step_up.answer(challenge.id, SESSION, CONVERSATION, device.get(options))


def test_a_counter_that_goes_back_is_an_alarm(
    parts: StepUpParts, device: SoftAuthenticator, audit: Audit
) -> None:
    """The key is suspended, log, metrics and person are told, and no answer of it counts any more."""
    registered(parts, device)
    copied = copy.copy(device)
    before = metrics.value("gatehouse_factor_alarms_total", what="passkey_copied")
    assert "aal2-phishing-resistant" == answered(parts, device, asked(parts)).level
    outcomes = []
    for using in (copied, device):
        with pytest.raises(ChallengeRefused) as refused:
            answered(parts, using, asked(parts))
        outcomes.append(refused.value.reason)
    assert ["cloned", "not_enrolled"] == outcomes
    assert ((), None) == (parts.passkeys.offers(PERSON), parts.passkeys.options(PERSON, ABOUT))
    (shown,) = parts.authenticators.of(PERSON)
    (notice,) = parts.notices.of(PERSON)
    assert (True, True) == (shown.suspended, "copy" in notice.text)
    told = [facts["reason"] for kind, facts in audit.entries if kind == "step_up_failed"]
    assert ["cloned"] == told
    metrics.recorded("step_up_failed", {"reason": "cloned"})
    assert before + 1 == metrics.value("gatehouse_factor_alarms_total", what="passkey_copied")


def test_the_same_answer_again_is_no_copy(parts: StepUpParts, device: SoftAuthenticator) -> None:
    """A second click repeats the counter; that raises no alarm."""
    registered(parts, device)
    answer = device.get(options_of(parts))
    assert parts.passkeys.verify(PERSON, answer, ABOUT)
    assert "replayed" == reason(parts, answer)
    assert 1 == len(parts.passkeys.offers(PERSON))


@pytest.mark.parametrize("counts", [True, False])
def test_of_many_submissions_one_succeeds(
    any_engine: Engine, clock: SettableClock, counts: bool
) -> None:
    """With and without a counter, whoever submits the same assertion at the same time."""
    parts = assemble(any_engine, clock, SETTINGS, lambda name: KEY, Audit().append, site=SITE)
    device = SoftAuthenticator(SITE.origin, counts=counts, synced=not counts)
    registered(parts, device)
    answer = device.get(options_of(parts))

    def submit(_: int) -> str:
        try:
            parts.passkeys.verify(PERSON, answer, ABOUT)
        except CodeRefused as refused:
            return refused.reason
        return "accepted"

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(submit, range(50)))
    assert {"accepted": 1, "replayed": 49} == {word: outcomes.count(word) for word in set(outcomes)}


def test_a_passkey_without_a_counter_works_again_and_again(parts: StepUpParts) -> None:
    """Synced ones count nothing; it is recorded that they can be copied, and that never changes."""
    device = SoftAuthenticator(SITE.origin, counts=False, synced=True)
    registered(parts, device)
    for number in range(3):
        about = f"{number:02x}" * 32
        assert parts.passkeys.verify(PERSON, device.get(options_of(parts, about)), about)
    assert ["backed_up"] == [one.backup for one in parts.authenticators.of(PERSON)]
    device.flags = PRESENT | 0x04
    assert "wrong" == reason(parts, device.get(options_of(parts)))


def test_a_policy_can_ask_for_what_cannot_be_phished(
    parts: StepUpParts, device: SoftAuthenticator, clock: SettableClock
) -> None:
    """Then no code is looked at, and the grant says what was given."""
    parts.totp.set_demo_secret(PERSON, SEED)
    registered(parts, device)
    challenge = asked(parts, "aal2-phishing-resistant")
    assert ["webauthn"] == [one.kind for one in parts.step_up.offers(challenge)]
    with pytest.raises(ChallengeRefused) as refused:
        code = pyotp.TOTP(SEED).at(int(clock.now()))
        parts.step_up.answer(challenge.id, SESSION, CONVERSATION, code)
    assert ("too_weak", False, 5) == (
        refused.value.reason, refused.value.closed, refused.value.attempts_left,
    )  # fmt: skip
    assert "aal2-phishing-resistant" == answered(parts, device, challenge).level


def test_a_grant_is_worth_what_was_given(desk: Desk) -> None:
    """A rule that became stricter in between does not take it."""
    grant = desk.answer(desk.ask(), desk.code())
    with pytest.raises(GrantRefused) as refused:
        desk.redeem(grant, level="aal2-phishing-resistant")
    assert "level" == refused.value.reason
    assert desk.redeem(grant)


def test_passkeys_are_changed_with_a_passkey(
    parts: StepUpParts, device: SoftAuthenticator, clock: SettableClock
) -> None:
    """Or whoever phished a code could add their own, or take the good ones away."""
    parts.totp.set_demo_secret(PERSON, SEED)
    first = parts.own_factors.ask(ERIN, SESSION, Change("add", "webauthn"))
    assert "aal2" == first.level
    identity = registered(parts, device)
    for change in (Change("add", "webauthn"), Change("remove", id=identity)):
        assert "aal2-phishing-resistant" == parts.own_factors.ask(ERIN, SESSION, change).level
    assert "aal2" == parts.own_factors.ask(ERIN, SESSION, Change("add", "totp")).level
    parts.authenticators.suspend(PERSON, identity)
    assert "aal2" == parts.own_factors.ask(ERIN, SESSION, Change("remove", id=identity)).level


def test_several_keys_and_none_twice(parts: StepUpParts, device: SoftAuthenticator) -> None:
    """A key that is registered is excluded, and refused where a browser offers it all the same."""
    registered(parts, device)
    other = SoftAuthenticator(SITE.origin)
    identity, shown = parts.passkeys.begin(ERIN, "Key ring", "", "tag")
    excluded = [one["id"] for one in shown["options"]["excludeCredentials"]]
    assert [b64(device.credential_id)] == excluded
    with pytest.raises(CodeRefused):
        again = device.create(shown["options"])
        parts.passkeys.confirm(PERSON, identity, again, "tag", lambda: None)
    parts.passkeys.confirm(PERSON, identity, other.create(shown["options"]), "tag", lambda: None)
    for using, about in ((other, "01" * 32), (device, "02" * 32)):
        assert parts.passkeys.verify(PERSON, using.get(options_of(parts, about)), about)
    assert 2 == len(options_of(parts)["allowCredentials"])


@pytest.mark.parametrize("what", ["challenge", "origin", "site", "verification", "session", "type"])
def test_a_registration_is_for_its_enrolment(
    parts: StepUpParts, device: SoftAuthenticator, what: str
) -> None:
    """Of another enrolment, page or session, or without verification of the user, it is refused."""
    identity, shown = parts.passkeys.begin(ERIN, "Laptop", "", "tag")
    options = copy.deepcopy(shown["options"])
    session = "other" if what == "session" else "tag"
    if what == "challenge":
        options["challenge"] = b64(bytes(32))
    elif what == "origin":
        device.origin = "https://evil.example"
    elif what == "site":
        options["rp"]["id"] = "evil.example"
    elif what == "verification":
        device.flags = PRESENT
    answer = device.create(options)
    if what == "type":
        answer = device.get({"rpId": SITE.rp_id, "challenge": options["challenge"]})
    done: list[int] = []
    with pytest.raises(CodeRefused):
        parts.passkeys.confirm(PERSON, identity, answer, session, lambda: done.append(1))
    assert ((), []) == (parts.authenticators.of(PERSON), done)


def test_one_persons_passkey_is_not_anothers(
    parts: StepUpParts, device: SoftAuthenticator, engine: Engine
) -> None:
    """Neither by its answer nor by moving its row; another's public key does not open."""
    registered(parts, device)
    answer = device.get(options_of(parts))
    assert "not_enrolled" == reason(parts, answer, person=OTHER)
    with engine.begin() as connection:
        connection.execute(sa.update(authenticators).values(person_id=OTHER))
    with pytest.raises(IntegrityError):
        parts.passkeys.verify(
            OTHER, {**answer, "response": {**answer["response"], "userHandle": None}}, ABOUT
        )


def test_an_authenticator_learns_nothing_of_the_person(parts: StepUpParts) -> None:
    """The user handle is a keyed hash, the same for all keys of a person."""
    handles = [
        parts.passkeys.begin(ERIN, "Laptop", "", f"tag {n}")[1]["options"]["user"]["id"]
        for n in range(2)
    ]
    assert 1 == len(set(handles))
    assert (32, False) == (len(unb64(handles[0])), PERSON.encode() in unb64(handles[0]))


@pytest.mark.parametrize(
    ("origin", "rp_id", "expected"),
    [
        ("https://desk.example.org", "", "desk.example.org"),
        ("https://desk.example.org:8443", "example.org", "example.org"),
        ("https://localhost:5005", "", "localhost"),
        ("https://desk.example.org", "org", None),
        ("https://desk.example.org", "other.example", None),
        ("https://desk.example.org", "sk.example.org", None),
    ],
)
def test_the_domain_is_that_of_the_page(
    tmp_path: Path, origin: str, rp_id: str, expected: str | None
) -> None:
    """Or one above it; anything else is refused at the start, since no browser would take it."""
    environment = {"GATEHOUSE_SERVER_PUBLIC_ORIGIN": origin, "GATEHOUSE_STEP_UP_RP_ID": rp_id}
    settings = load_settings(tmp_path, environment)
    if expected is None:
        with pytest.raises(InvalidInput, match="rp_id"):
            passkey_site(settings)
        return
    assert (origin, expected) == (passkey_site(settings).origin, passkey_site(settings).rp_id)
