"""Export and erasure of everything that is stored about a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.identity import CHEAPEST, Directory, Person, Sessions
from gatehouse.identity import schema as identity_schema
from gatehouse.identity.exports import Exports, TicketRefused
from gatehouse.identity.front_ends import FrontEnds, PublicKey
from gatehouse.settings import Session as SessionLimits
from gatehouse.settings import StepUp as StepUpLimits
from gatehouse.stepup import Resume, StepUp, Totp
from gatehouse.stepup import schema as stepup_schema
from gatehouse.tracker import Conversations
from gatehouse.tracker.endings import Dying
from gatehouse.tracker.export_page import page
from gatehouse.tracker.holds import Holds
from gatehouse.tracker.receipts import Receipts, verify
from gatehouse.tracker.rights import Rights
from gatehouse.tracker.traces import PersonTraces
from tests.front_end import public_jwk
from tests.unit.tracker.conftest import Deployment
from tests.unit.tracker.scripts import greeting

KEY = b"k" * 32
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Log:
    """An audit log that keeps its entries in a list."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def append(self, kind: str, **facts: Any) -> int:
        self.entries.append({"kind": kind, **facts})
        return len(self.entries)

    def pseudonym(self, kind: str, identity: str) -> str:
        return f"{kind} {identity}"


@dataclass
class Office:
    """A deployment with people, sessions and step-up."""

    deployment: Deployment
    log: Log
    directory: Directory
    sessions: Sessions
    step_up: StepUp
    exports: Exports
    receipts: Receipts
    conversations: Conversations
    rights: Rights
    front_ends: FrontEnds
    totp: Totp

    def person(self, username: str) -> Person:
        return self.directory.add(
            username, username.title(), ["employee"], "long harbour seventeen plums",
            must_change_password=False,
        )  # fmt: skip

    def talk(self, person: Person, conversation: str, text: str = "hello") -> None:
        self.conversations.started(conversation, person.id)
        self.deployment.turn(conversation, *greeting(text))

    def ask(self, person: Person, session: str, conversation: str) -> None:
        self.step_up.request(
            person_id=person.id,
            session_id=session,
            conversation_id=conversation,
            intent="view_payslip",
            values={},
            prompt="show your payslip",
            resume=Resume("intent", "view_payslip", (), "payslip"),
        )


@pytest.fixture
def office(deployment: Deployment) -> Iterator[Office]:
    engine, clock = deployment.engine, deployment.clock
    log, exports, receipts = Log(), Exports(clock), Receipts(KEY)
    for metadata in (identity_schema.metadata, stepup_schema.metadata):
        metadata.create_all(engine)
    sessions = Sessions(engine, clock, SessionLimits(idle=900, absolute=28800), KEY)
    totp = Totp(engine, clock, KEY)
    step_up = StepUp(engine, clock, StepUpLimits(challenge=300), KEY, totp, log.append)
    traces = PersonTraces(
        log, sessions, step_up, exports, receipts,
        lambda people, conversations: [f"name {person}" for person in people],
    )  # fmt: skip
    conversations = deployment.open_conversations(traces=traces)
    directory = Directory(engine, clock, CHEAPEST, key=KEY)
    holds = Holds(engine, deployment.ring, clock, KEY, log)
    front_ends = FrontEnds(engine, clock, KEY)
    rights = Rights(directory, sessions, totp, conversations, holds, front_ends, clock)
    yield Office(
        deployment, log, directory, sessions, step_up, exports, receipts, conversations, rights,
        front_ends, totp,
    )  # fmt: skip


def test_an_export_holds_everything_of_the_person_and_nothing_else(office: Office) -> None:
    """Account, sessions, and each living conversation with its words and its end."""
    erin, marco = office.person("erin"), office.person("marco")
    office.talk(erin, "a", "first words")
    office.talk(erin, "b", "second words")
    office.talk(marco, "c", "words of marco")
    office.sessions.open(erin)
    found = json.loads(json.dumps(office.rights.export(erin)))
    assert ["first words", "second words"] == [
        one["messages"][0]["text"] for one in found["conversations"]
    ]
    assert "2027-01-15T09:00:00.000Z" == found["conversations"][0]["erased_for_good_at"]
    assert ("erin", 1) == (found["person"]["user_name"], len(found["sessions"]))
    assert "marco" not in json.dumps(found).lower()
    assert "hash" not in json.dumps(found)


def test_an_export_names_factors_and_front_ends_without_their_secrets(office: Office) -> None:
    """What may speak for the person or confirm it is them is theirs to know (GDPR Art. 15)."""
    erin, marco = office.person("erin"), office.person("marco")
    office.totp.set_demo_secret(erin.id, SEED)
    key = PublicKey.of(public_jwk(Ed25519PrivateKey.generate()))
    office.front_ends.register(erin.id, "Kiosk <3>", "kiosk.example.org", ["chat"], key, 86400)
    found = office.rights.export(erin)
    assert ["totp"] == [one["kind"] for one in found["authenticators"]]
    (front_end,) = found["front_ends"]
    assert ("Kiosk <3>", "kiosk.example.org", ["chat"], None) == (
        front_end["name"], front_end["domain"], front_end["scopes"], front_end["last_used_at"],
    )  # fmt: skip
    assert SEED not in json.dumps(found)
    assert key.id not in json.dumps(found)
    shown = page(found, "Europe/Berlin")
    assert "Kiosk &lt;3&gt;" in shown and "kiosk.example.org" in shown and "Authenticator" in shown
    assert [] == office.rights.export(marco)["front_ends"]
    assert [] == office.rights.export(marco)["authenticators"]


def test_a_page_escapes_whatever_was_said(office: Office) -> None:
    """Nothing that somebody typed becomes markup, and the page forbids itself to run anything."""
    erin = office.person("erin")
    hostile = "<script>alert(1)</script><img src=x onerror=y>\u202e&amp;\"'"
    office.talk(erin, "a", hostile)
    shown = page(office.rights.export(erin), "Europe/Berlin")
    assert "<script" not in shown and "<img" not in shown and "\u202e" not in shown
    assert "&lt;script&gt;" in shown
    assert "default-src 'none'" in shown
    assert "10:00" in shown  # 09:00 UTC in Berlin


def test_an_erasure_covers_everything(office: Office) -> None:
    """Conversations, requests for codes, sessions, links and the pseudonym go; a receipt says so."""
    erin, marco = office.person("erin"), office.person("marco")
    ring = office.deployment.ring
    office.talk(erin, "a")
    office.talk(erin, "b")
    office.talk(marco, "c")
    _, session = office.sessions.open(erin)
    office.ask(erin, session.id, session.conversation_id)
    ticket = office.exports.create(erin.id, session.id)
    before = ring.kept_key(f"name {erin.id}")
    generation = ring.generation
    erased = office.rights.erase(erin.id)
    assert 2 == erased.conversations
    assert None is ring.find_kept(f"name {erin.id}") and before
    assert generation + 1 == ring.generation
    assert () == office.conversations.summary(erin.id) == office.sessions.of_person(erin.id)
    assert None is office.step_up.pending(session.conversation_id)
    with pytest.raises(TicketRefused):
        office.exports.take(ticket, session.id)
    verify(erased.receipt, office.receipts.public_key)
    expected = {
        "conversations": 2, "records": 2, "sessions": 1, "step_up_requests": 1,
        "download_links": 1, "link_to_the_log_of_decisions": True,
    }  # fmt: skip
    assert expected == erased.receipt["erased"]
    assert 1 == len(office.conversations.summary(marco.id))


def test_a_receipt_names_nobody(office: Office) -> None:
    """Neither person, account, conversation nor session can be read from it."""
    erin = office.person("erin")
    office.talk(erin, "conversation-id")
    _, session = office.sessions.open(erin)
    text = json.dumps(office.rights.erase(erin.id).receipt).lower()
    for name in (erin.id, "erin", "conversation-id", session.id, session.conversation_id):
        assert name not in text


def test_the_log_has_the_erasure_before_the_keys_go(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing can be destroyed the log says that it was begun, and nothing claims it done."""
    erin = office.person("erin")
    office.talk(erin, "a")

    def refuse(_names: object) -> int:
        raise OSError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(office.deployment.ring, "destroy", refuse)
        with pytest.raises(OSError):
            office.rights.erase(erin.id)
    assert ["erasure"] == [entry["kind"] for entry in office.log.entries]
    assert erin.id == office.log.entries[0]["person"]
    assert 1 == office.rights.erase(erin.id).conversations
    done = office.log.entries[-1]
    assert ("erasure_receipt", None) == (done["kind"], done.get("person"))


def test_somebody_without_conversations_is_erased_too(office: Office) -> None:
    """The pseudonym and the sessions go, and there is a receipt over nothing else."""
    erin = office.person("erin")
    office.deployment.ring.kept_key(f"name {erin.id}")
    office.sessions.open(erin)
    erased = office.rights.erase(erin.id)
    assert (0, 1) == (erased.conversations, erased.receipt["erased"]["sessions"])
    assert None is office.deployment.ring.find_kept(f"name {erin.id}")
    verify(erased.receipt, office.receipts.public_key)


def test_in_the_chat_the_asking_session_stays(office: Office) -> None:
    """So that the answer and the receipt arrive; all others are over at once."""
    erin = office.person("erin")
    _, asking = office.sessions.open(erin)
    _, other = office.sessions.open(erin)
    office.talk(erin, asking.conversation_id)
    assert 1 == office.rights.request_erasure(erin.id, asking.id)
    assert [asking.id] == [found.id for found in office.sessions.of_person(erin.id)]
    (ended,) = office.conversations.carry_out(asking.conversation_id)
    assert ended.receipt is not None
    assert 1 == ended.receipt["erased"]["sessions"]
    assert other.id not in str(ended.receipt)


def test_a_crash_in_the_middle_is_completed_by_the_purge(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the keys went: the purge removes the rows; nothing opens meanwhile."""

    class Crash(BaseException):
        pass

    def crash(*_given: object) -> None:
        raise Crash

    erin = office.person("erin")
    office.talk(erin, "a")
    with monkeypatch.context() as patch:
        patch.setattr("gatehouse.tracker.endings.remove", crash)
        with pytest.raises(Crash):
            office.rights.erase(erin.id)
    assert () == office.conversations.summary(erin.id)
    office.deployment.clock.advance(120)
    assert 1 == len(office.conversations.purge().ended)


def test_a_plain_end_has_no_receipt_and_spares_the_person(office: Office) -> None:
    """Ending one conversation ends nothing else, and keeps the pseudonym."""
    erin = office.person("erin")
    office.talk(erin, "a")
    kept = office.deployment.ring.kept_key(f"name {erin.id}")
    _, session = office.sessions.open(erin)
    (ended,) = office.conversations.destroy("a")
    assert None is ended.receipt
    assert kept == office.deployment.ring.find_kept(f"name {erin.id}")
    assert (session.id,) == tuple(found.id for found in office.sessions.of_person(erin.id))
    assert ["conversation_ended"] == [entry["kind"] for entry in office.log.entries]


def test_a_hold_that_may_not_be_told_is_not_counted(office: Office) -> None:
    """The receipt counts holds that the person may know of, and no others."""
    traces = PersonTraces(
        office.log, office.sessions, office.step_up, office.exports, office.receipts,
        lambda people, conversations: [], lambda handle: handle == "open",
    )  # fmt: skip
    dying = [Dying(handle, "c", "p-1", 1, True) for handle in ("open", "secret")]
    assert 1 == traces.ended({}, dying, 0.0, 0.0)["under_legal_hold"]
