"""The policies in force while files change, break, and the service restarts."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.policy import Change, Domain, PolicyInvalid, PolicyStore, sources
from gatehouse.policy import store as policy_store
from gatehouse.policy.change import PolicyStatus
from gatehouse.policy.errors import Problems
from gatehouse.policy.history import NAME as HISTORY
from gatehouse.policy.lastgood import NAME
from tests.patience import PATIENCE

KEY = b"k" * 32
OPEN = "  - {id: pay, why: Open., effect: allow, intents: view_pay, roles: employee}\n"
SHUT = "  - {id: pay, why: Shut., effect: deny, intents: view_pay, say: utter_closed}\n"
HEAD = "version: 1\nowner: tests\nrules:\n"


@dataclass
class Service:
    """A policy directory and the stores opened on it."""

    directory: Path
    state: Path
    domain: Domain
    changes: list[Change] = field(default_factory=list)

    def open(
        self, key: bytes = KEY, clock: SettableClock | None = None, **options: object
    ) -> PolicyStore:
        return PolicyStore(
            self.directory,
            self.domain,
            clock or SettableClock(),
            self.state,
            key,
            **{"on_change": self.changes.append, **options},
        )

    def write(self, rules: str) -> None:
        (self.directory / "case.yml").write_text(HEAD + rules)


@pytest.fixture
def service(tmp_path, files, domain):
    """Policies by which employees may see their pay."""
    directory = tmp_path / "policies"
    directory.mkdir()
    for name, text in files().items():
        (directory / name).write_text(text)
    made = Service(directory, tmp_path / "state", domain)
    made.write(OPEN)
    return made


def test_the_start_is_reported(service):
    """The first set is reported with its revision and nothing before it."""
    store = service.open()
    revision = store.current().revision
    expected = Change(True, revision, revision, None, 1_800_000_000.0, ())
    assert [expected.revision] == [change.revision for change in service.changes]
    assert (True, None) == (service.changes[0].accepted, service.changes[0].previous)


def test_an_edit_takes_effect(service, ask):
    """After a valid edit the new rules decide, and the change is reported once."""
    store = service.open()
    before = store.current()
    service.write(SHUT)
    assert [True, False] == [store.reload_if_changed(), store.reload_if_changed()]
    assert ["allow", "deny"] == [p.decide(ask()).effect for p in (before, store.current())]
    change = service.changes[-1]
    assert (True, before.revision, store.current().revision) == (
        change.accepted,
        change.previous,
        change.revision,
    )
    assert 2 == len(service.changes)


def test_a_broken_edit_changes_nothing(service, ask):
    """The last good rules stay; the mistakes are reported once with their places."""
    store = service.open()
    before = store.current()
    service.write(SHUT.replace("deny", "dney"))
    assert [False, False] == [store.reload_if_changed(), store.reload_if_changed()]
    os.utime(service.directory / "case.yml")
    assert not store.reload_if_changed()
    assert before is store.current()
    rejected = service.changes[1:]
    assert 1 == len(rejected)
    assert (False, before.revision) == (rejected[0].accepted, rejected[0].revision)
    assert "policies/case.yml:4:35" == str(rejected[0].problems[0].where)


def test_the_status_says_how_things_stand(service):
    """Since when the rules are in force, and since when the files cannot be used; put right, neither."""
    clock = SettableClock(1000.0)
    store = service.open(clock=clock)
    revision = store.current().revision
    assert PolicyStatus(revision, 1000.0, None, None) == store.status()
    clock.advance(5)
    service.write("nonsense")
    store.reload_if_changed()
    assert PolicyStatus(revision, 1000.0, 1005.0, None) == store.status()
    service.write(OPEN)
    store.reload_if_changed()
    assert PolicyStatus(revision, 1000.0, None, None) == store.status()
    clock.advance(5)
    service.write(SHUT)
    store.reload_if_changed()
    assert (1010.0, None) == (store.status().since, store.status().refused_at)


def test_an_edit_that_fails_its_tests_changes_nothing(service, ask):
    """A policy test is part of the unit."""
    tests = service.directory / "tests"
    tests.mkdir()
    text = "version: 1\nunlisted: not_tested\npeople: {anna: {roles: employee}}\ntests:\n"
    test = "  - {name: Pay, people: anna, intents: view_pay, expect: allow}\n"
    (tests / "pay.yml").write_text(text + test)
    store = service.open()
    service.write(SHUT)
    assert not store.reload_if_changed()
    assert "allow" == store.current().decide(ask()).effect
    assert ["test"] == [problem.kind for problem in service.changes[-1].problems]


def test_a_touched_file_is_no_change(service):
    """The same content under a new date keeps the set."""
    store = service.open()
    before = store.current()
    os.utime(service.directory / "case.yml", (1, 1))
    assert not store.reload_if_changed()
    assert before is store.current()


def test_a_directory_that_disappears_keeps_the_last_good_rules(service, ask):
    """Also when it is replaced by nothing at all."""
    store = service.open()
    service.directory.rename(service.directory.with_name("gone"))
    assert not store.reload_if_changed()
    assert "allow" == store.current().decide(ask()).effect
    assert not service.changes[-1].accepted


def test_a_first_start_with_broken_files_is_refused(service):
    """Without last good policies there is nothing to decide with."""
    service.write(OPEN.replace("allow", "alow"))
    with pytest.raises(PolicyInvalid, match="did you mean `allow`"):
        service.open()
    assert [] == service.changes


def test_a_restart_with_broken_files_uses_the_last_good_ones(service, ask):
    """The rules that were in force last are in force again, and it is reported."""
    first = service.open()
    service.write(SHUT)
    first.reload_if_changed()
    service.write("nonsense")
    again = service.open()
    assert "utter_closed" == again.current().decide(ask()).say
    change = service.changes[-1]
    assert (False, True, first.current().revision) == (
        change.accepted,
        change.restored,
        change.revision,
    )
    service.write(OPEN)
    assert again.reload_if_changed()
    assert "allow" == again.current().decide(ask()).effect


@pytest.mark.parametrize("position", [0, 30, 60, 120, -1])
def test_altered_last_good_policies_are_not_used(service, position):
    """A changed byte anywhere in the kept file stops the start."""
    service.open()
    kept = service.state / NAME
    content = bytearray(kept.read_bytes())
    content[position] ^= 1
    kept.write_bytes(bytes(content))
    service.write("nonsense")
    with pytest.raises(PolicyInvalid, match=r"is missing after this key") as raised:
        service.open()
    assert 1 == len(raised.value.hints)


def test_last_good_policies_of_another_key_are_not_used(service):
    """The kept file belongs to this deployment only."""
    service.open()
    service.write("nonsense")
    with pytest.raises(PolicyInvalid) as raised:
        service.open(key=b"x" * 32)
    assert "altered" in raised.value.hints[0]


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 100, b"gatehouse policy last good 1\n\n{}"])
def test_garbage_in_place_of_the_last_good_policies(service, content):
    """A truncated or foreign file is refused and does not hide the mistakes."""
    service.open()
    (service.state / NAME).write_bytes(content)
    service.write("nonsense")
    with pytest.raises(PolicyInvalid):
        service.open()


def test_last_good_policies_must_fit_the_assistant(service):
    """Kept rules that do not cover a new intent of the domain are not used."""
    service.open()
    service.write("nonsense")
    service.domain = Domain.of(service.domain.intents | {"new"}, service.domain.responses)
    with pytest.raises(PolicyInvalid):
        service.open()


def test_the_kept_file_is_private(service):
    """Readable by the service alone, with nothing left beside it but the accepted revision."""
    revision = service.open().current().revision
    assert {NAME, HISTORY} == set(os.listdir(service.state))
    assert [revision] == os.listdir(service.state / HISTORY)
    for path in (service.state / NAME, service.state / HISTORY / revision):
        assert 0o600 == path.stat().st_mode & 0o777


def test_a_block_does_not_wait_for_a_full_disk(service, ask, monkeypatch):
    """The edit is in force; the older kept file is gone; it is kept as soon as that works."""
    store = service.open()
    real = os.fsync

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    service.write(SHUT)
    assert store.reload_if_changed()
    assert "deny" == store.current().decide(ask()).effect
    assert [HISTORY] == os.listdir(service.state)
    monkeypatch.setattr(os, "fsync", real)
    store.reload_if_changed()
    assert {NAME, HISTORY} == set(os.listdir(service.state))


def test_a_set_that_cannot_be_reported_is_not_put_in_force(service, ask):
    """When the report fails the old rules stay, and the edit is offered again."""
    broken = [False]

    def report(change: Change) -> None:
        if broken[0]:
            raise RuntimeError("audit")

    store = service.open(on_change=report)
    service.write(SHUT)
    broken[0] = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="audit"):
            store.reload_if_changed()
        assert "allow" == store.current().decide(ask()).effect
    broken[0] = False
    assert store.reload_if_changed()
    assert "deny" == store.current().decide(ask()).effect


def test_a_role_that_no_account_can_have_is_a_mistake(service):
    """Roles of the vocabulary must be among those that the directory gives."""
    with pytest.raises(PolicyInvalid, match="no account can have the role `contractor`"):
        PolicyStore(
            service.directory,
            replace(service.domain, roles=frozenset({"employee", "manager"})),
            SettableClock(),
            service.state,
            KEY,
        )


def test_a_file_that_is_still_written_is_not_taken(service, ask):
    """A poll takes a change once two looks agree, not the half of it that is there already."""
    store = service.open()
    store.poll()
    service.write(OPEN)
    service.write(OPEN.replace("Open.", "Half."))
    polls = [store.poll()]
    service.write(SHUT)
    polls += [store.poll(), store.poll(), store.poll()]
    assert [False, False, True, False] == polls
    assert "deny" == store.current().decide(ask()).effect


def test_no_request_sees_a_mixed_set(service, ask):
    """While two files change together under load, both intents are always decided alike."""
    bonus = service.directory / "bonus.yml"

    def write(shut: bool) -> None:
        rule = SHUT if shut else OPEN
        service.write(rule)
        other = rule.replace("view_pay", "view_bonus").replace("id: pay", "id: bonus")
        bonus.write_text(HEAD + other)

    write(False)
    store = service.open()
    stop = threading.Event()
    mixed: list[tuple[str, str]] = []
    decided = [0]

    def load() -> None:
        while not stop.is_set():
            policies = store.current()
            pair = tuple(policies.decide(ask(name)).effect for name in ("view_pay", "view_bonus"))
            decided[0] += 1
            if pair[0] != pair[1]:
                mixed.append(pair)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    swapped = 0
    for number in range(20):
        write(number % 2 == 0)
        swapped += store.reload_if_changed()
    stop.set()
    for thread in threads:
        thread.join()
    assert (20, []) == (swapped, mixed)
    assert decided[0] > 20


def test_a_directory_that_changes_while_it_is_read_is_never_mixed(service, files, ask, tmp_path):
    """Two whole directories take turns behind one link, many times, while one thread reloads
    and two decide: every decision comes from one of the two, never from files of both."""
    sides = {}
    for name, rule in (("open", OPEN), ("shut", SHUT)):
        folder = tmp_path / name
        folder.mkdir()
        for file, text in files().items():
            (folder / file).write_text(text)
        other = rule.replace("view_pay", "view_bonus").replace("id: pay", "id: bonus")
        (folder / "aa.yml").write_text(HEAD + rule)
        (folder / "zz.yml").write_text(HEAD + other)
        sides[name] = folder
    link = tmp_path / "link"
    link.symlink_to(sides["open"])
    service.directory = link
    store = service.open()
    stop = threading.Event()
    seen: dict[str, set[tuple[str, str]]] = {}
    failed: list[Exception] = []

    def decide() -> None:
        while not stop.is_set():
            policies = store.current()
            pair = tuple(policies.decide(ask(name)).effect for name in ("view_pay", "view_bonus"))
            seen.setdefault(policies.revision, set()).add(pair)

    def reload() -> None:
        while not stop.is_set():
            try:
                store.reload_if_changed()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
                failed.append(error)

    threads = [threading.Thread(target=work) for work in (decide, decide, reload)]
    for thread in threads:
        thread.start()
    pause = threading.Event()
    for number in range(1500):
        if number > 80 and len(seen) == 2:
            break
        new = tmp_path / "new"
        new.symlink_to(sides["shut" if number % 2 == 0 else "open"])
        os.replace(new, link)
        pause.wait(0.001 * (number % 7) * (1 + number / 100))  # longer where reading takes longer
    stop.set()
    for thread in threads:
        thread.join()
    assert [] == failed
    assert {("allow", "allow"), ("deny", "deny")} == set().union(*seen.values())
    assert [1, 1] == [len(pairs) for pairs in seen.values()]


def test_a_link_that_is_turned_and_turned_back_while_it_is_read_mixes_nothing(
    tmp_path, monkeypatch
):
    """The link leads elsewhere for every file but the first, and back again when the reader looks
    whether anything has changed: what was read is still one directory."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for file in ("aa.yml", "bb.yml"):
            (tmp_path / name / file).write_text(f"# {name}\n")
    link = tmp_path / "link"

    def turn(side: str) -> None:
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / side)

    turn("one")
    read_file = sources._read_file

    def slow(directory, path, *rest):
        turn("other" if path.name == "bb.yml" else "one")
        data = read_file(directory, path, *rest)
        turn("one")
        return data

    monkeypatch.setattr(sources, "_read_file", slow)
    problems = Problems()
    found = sources.read_directory(link, problems)
    assert () == problems.errors()
    assert {"aa.yml": b"# one\n", "bb.yml": b"# one\n"} == found.files
    assert "link" == found.label


def test_decisions_go_on_while_a_set_is_loaded(service, ask, monkeypatch):
    """A load that takes for ever holds up no decision: the set in force answers meanwhile."""
    store = service.open()
    loading, go_on = threading.Event(), threading.Event()
    build = policy_store.build

    def slow(*arguments: object) -> object:
        loading.set()
        assert go_on.wait(PATIENCE)
        return build(*arguments)

    monkeypatch.setattr(policy_store, "build", slow)
    service.write(SHUT)
    thread = threading.Thread(target=store.reload_if_changed)
    thread.start()
    assert loading.wait(PATIENCE)
    assert ["allow"] * 100 == [store.current().decide(ask()).effect for _ in range(100)]
    assert store.status().revision == store.current().revision
    go_on.set()
    thread.join()
    assert "deny" == store.current().decide(ask()).effect
