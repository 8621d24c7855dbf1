"""Files and directories that somebody made to break the reader."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import InvalidInput
from gatehouse.policy import PolicyInvalid, load_directory
from gatehouse.policy.document import parse
from gatehouse.policy.errors import Problems
from gatehouse.policy.loader import build
from gatehouse.policy.sources import MAX_FILE, Sources, fingerprint


@pytest.fixture
def directory(tmp_path, files):
    """The policies of the small organisation on disk."""
    folder = tmp_path / "policies"
    (folder / "tests").mkdir(parents=True)
    for name, text in files().items():
        (folder / name).write_text(text)
    return folder


def mistakes(directory, domain) -> list[str]:
    """What is reported for `directory`."""
    with pytest.raises(PolicyInvalid) as raised:
        load_directory(directory, domain)
    return [str(problem) for problem in raised.value.problems]


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_no_bytes_make_the_reader_raise(data):
    """Whatever is in a file, the reader returns a node or reports a problem."""
    problems = Problems()
    node = parse("policies/x.yml", data, problems)
    assert (node is None) <= bool(problems.errors())


@settings(max_examples=300, deadline=None)
@given(
    where=st.integers(0, 600), junk=st.text(alphabet="&*!<>{}[]|-:#'\"\n\t\\ ?%@,a1", max_size=6)
)
def test_no_edit_makes_the_loader_raise_something_else(domain, files, where, junk):
    """A file with junk in the middle is either valid or `PolicyInvalid` with places."""
    texts = files()
    for name in ("vocabulary.yml", "intents.yml", "rest.yml"):
        broken = texts[name][:where] + junk + texts[name][where:]
        encoded = {key: text.encode() for key, text in {**texts, name: broken}.items()}
        try:
            build(Sources("policies", encoded), domain)
        except PolicyInvalid as invalid:
            assert all(problem.where.file for problem in invalid.problems)


def test_invalid_utf_8_is_placed(directory, domain):
    """The column counts characters, not bytes."""
    (directory / "x.yml").write_bytes("version: 1\nwhy: Grüße \xff".encode("latin-1"))
    assert [
        "policies/x.yml:2:8: this is not UTF-8 text; save the file with the encoding UTF-8"
    ] == (mistakes(directory, domain))


def test_a_byte_order_mark_is_harmless(directory, domain):
    """Editors write it; it changes nothing."""
    text = (directory / "rest.yml").read_bytes()
    (directory / "rest.yml").write_bytes(b"\xef\xbb\xbf" + text)
    assert 3 == len(load_directory(directory, domain).rules)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(40)),
        "[" * 200_000,
        "{a: " * 200_000,
        "- " * 200_000,
        "? " * 200_000,
        "a: |\n" + "  x\n" * 500_000,
        "- x\n" * 900_000,
        "!" * 100_000,
        "%YAML 9.9\n---\na: 1\n",
        "a: \x00",
        "\ufeff\ufeffa: 1",
    ],
    ids=lambda text: text[:6].encode().hex(),
)
def test_a_bomb_is_reported(directory, domain, text):
    """Nesting, repetition and references end in a problem of that file, in bounded work."""
    (directory / "x.yml").write_text(text)
    assert {"policies/x.yml"} <= {line.split(":")[0] for line in mistakes(directory, domain)}


def test_a_file_that_is_too_large_is_not_read(directory, domain):
    """10 MB of comments are refused by their size."""
    (directory / "x.yml").write_text("# x\n" * (10 << 18))
    assert [f"policies/x.yml: larger than {MAX_FILE >> 20} MB; split the file"] == (
        mistakes(directory, domain)
    )


def test_files_that_are_too_large_together(directory, domain):
    """The limit of the directory holds when every file is below its own."""
    for number in range(5):
        (directory / f"x{number}.yml").write_text("# x\n" * (MAX_FILE // 4 - 10))
    assert any("together" in line for line in mistakes(directory, domain))


def test_too_many_files(directory, domain):
    """So does the number of files."""
    for number in range(501):
        (directory / f"x{number}.yml").write_text("# x\n")
    assert any("more than 500 files" in line for line in mistakes(directory, domain))


@pytest.mark.parametrize("name", ["x.yaml", "x.YML", "x y.yml", "x.yml.yaml", "ü.yml"])
def test_a_file_that_would_not_be_read_is_a_mistake(directory, domain, name):
    """It may hold a deny that somebody relies on."""
    (directory / name).write_text("version: 1\n")
    assert any("is not read" in line for line in mistakes(directory, domain))


@pytest.mark.parametrize("name", [".x.yml.swp", ".x.yml", "x.yml~", "README.md", "x.txt"])
def test_other_files_are_left_alone(directory, domain, name):
    """Hidden files, backups of editors and notes are no policies."""
    (directory / name).write_bytes(b"\xff\x00 [[[")
    assert 3 == len(load_directory(directory, domain).rules)


def test_policies_in_a_subdirectory_are_a_mistake(directory, domain):
    """Only `tests` is read; rules elsewhere would be left out silently."""
    (directory / "old" / "older").mkdir(parents=True)
    assert 3 == len(load_directory(directory, domain).rules)
    (directory / "old" / "older" / "x.yml").write_text("version: 1\n")
    assert any("policies/old: policies in this" in line for line in mistakes(directory, domain))


def test_a_link_out_of_the_directory_is_refused(directory, domain, tmp_path):
    """Neither a file nor the tests may come from elsewhere; a link inside is fine."""
    outside = tmp_path / "outside.yml"
    outside.write_text("version: 1\n")
    (directory / "x.yml").symlink_to(outside)
    assert ["policies/x.yml: a link out of the policy directory; copy the file"] == (
        mistakes(directory, domain)
    )
    (directory / "x.yml").unlink()
    (directory / "rest.yml").rename(directory / ".rest")
    (directory / "rest.yml").symlink_to(directory / ".rest")
    assert 3 == len(load_directory(directory, domain).rules)


def test_tests_from_outside_are_refused(directory, domain, tmp_path):
    """The directory of tests may not be a link to another place either."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.yml").write_text("version: 1\n")
    (directory / "tests").rmdir()
    (directory / "tests").symlink_to(tmp_path / "elsewhere")
    assert any("a link out of" in line for line in mistakes(directory, domain))


@pytest.mark.parametrize("place", ["a file", "a link to nowhere"])
def test_tests_that_cannot_be_read_are_not_no_tests(directory, domain, place):
    """Something else in place of the directory of tests must not switch the tests off."""
    (directory / "tests").rmdir()
    if place == "a file":
        (directory / "tests").write_text("version: 1\n")
    else:
        (directory / "tests").symlink_to(directory / "elsewhere")
    expected = (
        "policies/tests: this is not a directory, so no policy test is read; "
        "put the directory of the policy tests back"
    )
    assert [expected] == mistakes(directory, domain)


def test_links_that_lead_nowhere(directory, domain):
    """A dangling link and one to itself are reported."""
    (directory / "x.yml").symlink_to(directory / "y.yml")
    (directory / "z.yml").symlink_to(directory / "z.yml")
    assert 2 == len(mistakes(directory, domain))


@pytest.mark.timeout(10)
def test_a_pipe_does_not_block(directory, domain):
    """A named pipe without a writer would be waited for for ever."""
    os.mkfifo(directory / "x.yml")
    assert ["policies/x.yml: not a regular file"] == mistakes(directory, domain)


def test_a_missing_and_an_empty_directory(tmp_path, domain):
    """Both are reported as what they are."""
    assert any("does not exist" in line for line in mistakes(tmp_path / "none", domain))
    (tmp_path / "empty").mkdir()
    assert any("has no .yml file" in line for line in mistakes(tmp_path / "empty", domain))


def test_a_directory_that_is_a_file(directory, domain):
    """A file in place of the directory is reported, not read."""
    assert any("does not exist" in line for line in mistakes(directory / "rest.yml", domain))


def test_every_change_changes_the_fingerprint(directory):
    """Content, new, removed and renamed files and tests are all noticed."""
    seen = {fingerprint(directory)}
    (directory / "rest.yml").write_text("version: 2\n")
    seen.add(fingerprint(directory))
    (directory / "tests" / "new.yml").write_text("version: 1\n")
    seen.add(fingerprint(directory))
    (directory / "tests" / "new.yml").rename(directory / "tests" / "other.yml")
    seen.add(fingerprint(directory))
    (directory / "closed.yml").unlink()
    seen.add(fingerprint(directory))
    assert 5 == len(seen)


def test_the_revision_names_exactly_the_content():
    """Moving bytes between names and contents gives another revision."""
    one = Sources("policies", {"a.yml": b"x", "b.yml": b"y"})
    assert one.revision == Sources("elsewhere", {"b.yml": b"y", "a.yml": b"x"}).revision
    others = [{"a.yml": b"xb.yml"}, {"a.yml": b"x"}, {"a.yml": b"y", "b.yml": b"x"}]
    revisions = {one.revision, *(Sources("policies", files).revision for files in others)}
    assert 4 == len(revisions)


def test_a_wrong_time_zone_stops_the_start(directory, domain):
    """The zone of the settings is checked before a rule is read."""
    for zone in ("Europe/Berlinn", "../../etc/passwd", "", "\x00"):
        with pytest.raises(InvalidInput, match="unknown time zone"):
            load_directory(directory, domain, zone)
