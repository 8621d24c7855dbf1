"""The same promise with every table in PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from gatehouse.audit import verify
from gatehouse.db import open_engine
from tests.e2e.deployment import Deployment


def test_the_promise_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    """With PostgreSQL configured from a file, a person is answered, refused, steps up and ends the
    conversation; no row holds what was said and nothing was written to SQLite."""
    home = tmp_path / "home"
    names = ("DATABASE", "AUDIT", "RECORDS")
    with Deployment(home, **{f"GATEHOUSE_{name}_URL_FILE": "url" for name in names}) as deployment:
        (home / "url").write_text(postgres_url, encoding="utf-8")
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        deployment.start("--demo")
        account = deployment.person("employee")
        chat = account.sign_in()
        assert "day" in chat.say("how many vacation days do I have left")
        assert "€" not in chat.say("what does Marco Silva earn?")
        chat.say("what is my salary zanzibarquokka")
        assert "gross" in chat.give(account.code())
        assert 0 < verify(deployment.runtime.audit).entries
        assert [] == rows_with(postgres_url, "zanzibarquokka")
        chat.say("end the conversation")
        assert chat.last["ended"]
        assert [] == [path.name for path in (home / "var").glob("*.db")]


def rows_with(url: str, text: str) -> list[str]:
    """The tables of which a row, as text or bytes, holds `text`."""
    engine = open_engine(url)
    needle = text.encode()
    found = []
    with engine.connect() as connection:
        for table in sa.inspect(engine).get_table_names():
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"'):
                cells = [bytes(v) if isinstance(v, memoryview) else str(v).encode() for v in row]
                if any(needle in cell for cell in cells):
                    found.append(table)
    engine.dispose()
    return found
