"""No value of the moment gets into a log line, whoever writes it and at any level."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable

import pytest
import sqlalchemy as sa
import structlog

from gatehouse import metrics, request_id
from gatehouse.errors import NotReady
from gatehouse.logs import get_logger, place_of
from gatehouse.logs.redaction import NO_WORDS
from tests.unit.logs.conftest import Stderr

SECRET = "marked-quokka-4711"
library = logging.getLogger("rasa.something")
Taken = Callable[..., Stderr]


def write_in_every_way() -> None:
    """What a library may do with a logger and a secret."""
    library.debug("Received '%s' from %d", SECRET, 4711)
    library.info(f"Parsed {SECRET} fine")
    library.warning("concatenated " + SECRET)
    library.error("formatted {}".format(SECRET))  # noqa: UP032
    library.error("percent %s" % SECRET)  # noqa: UP031
    library.error(SECRET)
    library.error("with extra", extra={"text": SECRET})
    library.log(logging.CRITICAL, "by level %s", SECRET)
    library.debug({"text": SECRET})
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        library.exception("it failed: %s", error)
        library.error(error, exc_info=error, stack_info=True)
    structlog.get_logger("rasa.structured").error("parsed.message", text=SECRET)
    logging.getLogger(SECRET).error("an odd name")


def test_a_library_shows_the_words_of_its_source_and_nothing_else(taken: Taken) -> None:
    """Constant words are shown; arguments, f-strings, extras, exceptions and names are not."""
    stderr = taken("debug", "debug", "json")
    write_in_every_way()
    assert SECRET not in stderr.getvalue()
    assert "4711" not in stderr.getvalue()
    lines = [json.loads(line) for line in stderr.lines()]
    assert [
        "Received '…' from …",
        "Parsed … fine",
        "concatenated …",
        "formatted …",
        "percent …",
        NO_WORDS,
        "with extra",
        "by level …",
        NO_WORDS,
        "it failed: …",
        NO_WORDS,
        "parsed.message",
        "an odd name",
    ] == [line["event"] for line in lines]
    here = f"{__name__}:"
    assert f"builtins.ValueError at {here}" in lines[9]["error"]


def test_the_words_above_are_really_secret_without_the_redaction() -> None:
    """The same lines, without the take-over, show the secret: the test above can fail."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    factory = logging.getLogRecordFactory()  # another test of this process may have taken over
    logging.setLogRecordFactory(logging.LogRecord)
    library.addHandler(handler)
    library.setLevel(logging.DEBUG)
    try:
        write_in_every_way()
    finally:
        logging.setLogRecordFactory(factory)
        library.removeHandler(handler)
        library.setLevel(logging.NOTSET)
    assert stream.getvalue().count(SECRET) >= 9


def test_a_handler_of_somebody_else_gets_no_more(taken: Taken) -> None:
    """A file that a launcher adds later shows the same, because records hold nothing else."""
    taken("debug", "debug")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s %(exc_text)s"))
    logging.root.addHandler(handler)
    write_in_every_way()
    assert SECRET not in stream.getvalue()
    assert "Received '…' from …" in stream.getvalue()


def test_python_itself_prints_no_values(taken: Taken) -> None:
    """Warnings, uncaught exceptions, in threads and in tasks, are told by type and place."""
    stderr = taken("debug", "debug", "json")

    def fail() -> None:
        raise KeyError(SECRET)

    async def lose_a_task() -> None:
        async def failing() -> None:
            fail()

        lost = asyncio.create_task(failing())
        await asyncio.sleep(0)
        del lost

    warnings.showwarning(UserWarning(SECRET), UserWarning, __file__, 7)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    asyncio.run(lose_a_task())
    try:
        fail()
    except KeyError as error:
        sys.excepthook(KeyError, error, error.__traceback__)
    assert SECRET not in stderr.getvalue()
    shown = [json.loads(line) for line in stderr.lines()]
    assert any("UserWarning" == line.get("what") for line in shown)
    assert 3 <= sum("KeyError" in line.get("error", "") for line in shown)


def test_why_a_process_ends_is_told_in_our_own_words(taken: Taken) -> None:
    """A refused start says what is wrong and what to do, and nothing of what caused it."""
    stderr = taken("debug", "debug", "json")
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as cause:
            raise NotReady("there is no trained model", "run `gatehouse train`") from cause
    except NotReady as error:
        sys.excepthook(NotReady, error, error.__traceback__)
    assert SECRET not in stderr.getvalue()
    told = ["error: there is no trained model", "hint: run `gatehouse train`"]
    assert told == stderr.lines()[-2:]


def test_a_database_at_debug_shows_no_row(taken: Taken) -> None:
    """SQLAlchemy logs statements, parameters and rows at DEBUG; none of their values is shown."""
    stderr = taken("debug", "debug")
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(sa.text("create table t (v text)"))
        connection.execute(sa.text("insert into t values (:v)"), {"v": SECRET})
        connection.execute(sa.text(f"select *, '{SECRET}' from t")).all()
    assert stderr.getvalue().count("sqlalchemy.engine") >= 5
    assert SECRET not in stderr.getvalue()


def test_our_own_fields_are_allowed_by_name(taken: Taken) -> None:
    """A field that nobody allowed is dropped, and a line break cannot forge a line."""
    stderr = taken("debug", form="json")
    log = get_logger("gatehouse.test")
    log.warning("one line", text=SECRET, reason="a\nforged: line\x1b[2J", count=3, seconds=0.123456)
    [line] = [json.loads(text) for text in stderr.lines()]
    assert "text" not in line
    assert ("a forged: line [2J", 3, 0.1235) == (line["reason"], line["count"], line["seconds"])


def test_a_line_names_the_request(taken: Taken) -> None:
    """Lines of one request carry its id, also from a thread that works for it."""
    stderr = taken("info", form="json")
    log = get_logger("gatehouse.test")

    async def one() -> str:
        made = request_id.begin()
        log.info("in the request")
        await asyncio.to_thread(log.info, "in a thread of it")
        return made

    made = asyncio.run(one())
    log.info("outside")
    assert [made, made, None] == [json.loads(text).get("request_id") for text in stderr.lines()]


def test_an_error_is_told_with_its_causes(taken: Taken) -> None:
    """Type and place of the error and of what caused it; the words of neither."""
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as cause:
            raise RuntimeError(SECRET) from cause
    except RuntimeError as error:
        told = place_of(error)
    assert SECRET not in told
    assert ["builtins.RuntimeError", "builtins.ValueError"] == [
        part.split(" at ")[0] for part in told.split(" from ")
    ]


def test_levels_are_kept_apart(taken: Taken) -> None:
    """Our lines and those of libraries have levels of their own; lines are counted by level."""
    stderr = taken("info", "error")
    before = metrics.value("gatehouse_log_records_total", level="info")
    get_logger("gatehouse.test").info("ours")
    get_logger("gatehouse.test").debug("ours, too fine")
    logging.getLogger("rasa.core").warning("theirs, too fine")
    logging.getLogger("rasa.core").error("theirs")
    assert 2 == len(stderr.lines())
    assert before + 1 == metrics.value("gatehouse_log_records_total", level="info")


def test_a_line_that_cannot_be_written_is_lost_in_silence(
    taken: Taken, capfd: pytest.CaptureFixture[str]
) -> None:
    """A full disk or closed terminal must not make the logging system print the values instead."""
    stderr = taken("debug", "debug")
    stderr.close()
    library.error("to nowhere %s", SECRET)
    captured = capfd.readouterr()
    assert SECRET not in captured.err + captured.out
