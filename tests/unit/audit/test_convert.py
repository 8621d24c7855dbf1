"""Logs from before the tree: taken over whole, or not at all."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from gatehouse.audit import AuditLog, AuditTampered, verify
from gatehouse.audit.chain import GENESIS, canonical, link_v1
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from tests.unit.audit.conftest import KEY

OLD = (
    "CREATE TABLE gh_audit (sequence BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL, "
    "chain {blob} NOT NULL)"
)


def old_log(url: str, count: int) -> AuditLog:
    """A log as the releases before the tree wrote it, not yet opened by this one."""
    log = AuditLog(open_engine(url), SettableClock(), KEY)
    blob = "BLOB" if log.engine.dialect.name == "sqlite" else "BYTEA"
    chain = GENESIS
    with log.engine.begin() as connection:
        connection.exec_driver_sql(OLD.format(blob=blob))
        for number in range(1, count + 1):
            body = canonical({"kind": "sign_in", "number_": number, "version": 1})
            chain = link_v1(log._old_chain_key, chain, body)
            connection.execute(
                sa.text("INSERT INTO gh_audit VALUES (:n, :body, :chain)"),
                {"n": number, "body": body, "chain": chain},
            )
    return log


def test_an_old_log_is_sealed_into_the_tree(url: str) -> None:
    """Every old entry keeps body and place, one entry says so, and the whole verifies."""
    log = old_log(url, 1203)
    log.create()
    log.create()
    bodies = [json.loads(entry.body) for entry in log.entries()]
    assert list(range(1, 1204)) == [body["number_"] for body in bodies[:-1]]
    assert ("log_converted", 1203) == (bodies[-1]["kind"], bodies[-1]["count"])
    assert 1204 == verify(log).entries
    assert 2 == len(set(log.pseudonyms("person", "p-1")))  # the old one, and that of new entries
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), log.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM gh_audit")


def test_an_old_log_that_does_not_verify_is_left_as_it_is(url: str) -> None:
    """A tampered old log stops the start with its position, and nothing is changed."""
    log = old_log(url, 5)
    with log.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE gh_audit SET body = '{}' WHERE sequence = 4")
    with pytest.raises(AuditTampered) as caught:
        log.create()
    assert 4 == caught.value.sequence
    with log.engine.connect() as connection:
        assert 5 == connection.exec_driver_sql("SELECT count(*) FROM gh_audit").scalar()
        columns = {column["name"] for column in sa.inspect(connection).get_columns("gh_audit")}
    assert {"sequence", "body", "chain"} == columns
