"""A conversation full of codes, right and wrong, in every form that people type them: none is kept.

Searched are every file of the deployment with all logs at DEBUG, what an event broker got, what the
person exports, every event of the tracker, and the phrases that somebody would train a model on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from gatehouse.tracker.export_page import page
from tests.e2e.deployment import Account, Deployment
from tests.e2e.test_logs import DEBUG, Secrets, left_behind

# Its file broker writes through a logger, which is stripped; this one gets what brokers get.
BROKER = "\nevent_broker:\n  type: sql\n  dialect: sqlite\n  db: broker.db\n"
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")  # noqa: RUF001


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment at DEBUG with an event broker that writes into a database."""
    home = tmp_path_factory.mktemp("codes")
    with Deployment(home, **DEBUG) as deployment:
        endpoints = home / "endpoints.yml"
        endpoints.write_text(endpoints.read_text(encoding="utf-8") + BROKER, encoding="utf-8")
        assert 0 == deployment.command("init", "--demo").returncode
        yield deployment.start("--demo")


class Codes(Secrets):
    """The codes that were typed."""

    def typed(self, code: str) -> str:
        """`code`, as somebody types it, and not to be found; in plain digits neither."""
        self.known[f"code {len(self.known)}"] = code
        plain = "".join(str(int(sign)) for sign in code if sign.isdecimal())
        if len(plain) == 6 and not any(sign.isalpha() for sign in code):
            self.known[f"code {len(self.known)}"] = plain
        return code


def talk(account: Account, codes: Codes, word: str) -> None:
    """Codes where they are asked for and where they are not, right, wrong and mistyped."""
    chat, code = account.sign_in(), account.code()
    wrong = [account.wrong_code()]
    while len(wrong) < 6:  # different ones, so that each has to be absent by itself
        wrong.append(f"{(int(wrong[-1]) + 104_729) % 1_000_000:06d}")
    chat.say("show me my payslip for last month")
    chat.give(codes.typed(wrong[0]))
    chat.say(f"my code is {codes.typed(wrong[1])}")
    chat.say(f"it says {codes.typed(wrong[2][:3] + ' ' + wrong[2][3:])}, sorry")
    chat.say(f"now the code is {codes.typed(code[:3] + '-' + code[3:])} thanks")
    assert "net" in chat.text.lower(), chat.text
    chat.say(codes.typed(code))
    chat.say(f"{word} the code {codes.typed(wrong[3])} from my authenticator did not work")
    chat.say(f"{word} my code is {codes.typed(wrong[4].translate(WIDE))} by the way")
    chat.say("I want to change my bank account")
    chat.say(f"wait, {codes.typed(wrong[5])} is my code")
    chat.say("cancel")
    recovery = account.deployment.runtime.recovery.issue(account.person.id)
    chat.say(codes.typed(recovery[0]))
    chat.say(f"{word} I keep {codes.typed(recovery[1])} in my drawer")
    chat.say(f"{word} is {codes.typed(recovery[2].upper().replace('-', ' '))} still good?")
    chat.say("what is my salary")
    chat.say(codes.typed("rc-" + recovery[3][3:-1] + ("2" if recovery[3][-1] != "2" else "3")))
    chat.say(f"and {codes.typed(recovery[4])}?")
    assert "gross" in chat.text, chat.text


def found_in(codes: Codes, content: bytes) -> set[str]:
    """The codes in `content`. Fractions of seconds have six digits too, so digits that follow a
    point count only where `content` has them without it."""
    return codes.found_in(re.sub(rb"(?<=\d)\.\d+", b".", content))


def test_no_code_is_kept_anywhere(desk: Deployment) -> None:
    """Nor can one be had from an export, the tracker, or the phrases to train on; what was said around
    the codes is there."""
    account, codes, word = desk.person("employee"), Codes(), "zanzibarquux"
    talk(account, codes, word)
    runtime = desk.runtime
    exported = runtime.rights.export(account.person)
    events = [
        event for _, found in runtime.conversations.everything(account.person.id) for event in found
    ]
    phrases = [
        str(event["text"]) for event in events if event["event"] == "user" and event.get("text")
    ]
    kept = {
        "export": json.dumps(exported, ensure_ascii=False),
        "page": page(exported, "UTC"),
        "tracker": json.dumps(events, ensure_ascii=False, default=str),
        "phrases": "\n".join(phrases),
    }
    for name, text in kept.items():
        assert set() == found_in(codes, text.encode()), name
        assert text.count(word) >= 4, name
    desk.stop()
    for path in left_behind(desk.home):
        content = path.read_bytes()
        assert set() == found_in(codes, content), path
        assert word.encode() not in content, path
    assert b'"event": "user"' in (desk.home / "broker.db").read_bytes()
    assert len(codes.known) > 15
    sample = f"before {codes.known['code 0']} after".encode()
    assert {"code 0", "code 1"} == found_in(codes, sample), "the search finds what is there"
