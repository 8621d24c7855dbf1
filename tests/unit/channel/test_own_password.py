"""People change their own password: with the one they have and a second factor, and they are told."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.channel.harness import PASSWORD, Site, sign_in
from tests.unit.channel.test_own_factors import APP, CHANGES, asked, error_of

NEW = "copper kettle on the windowsill"
WHERE = "/api/v1/password"


def change(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post(WHERE, json={"password": PASSWORD, "new_password": NEW, **more})


def challenge_of(client: httpx.Client) -> str:
    answer = change(client)
    assert 200 == answer.status_code, answer.text
    found = answer.json()["challenge"]
    assert "change your password" == found["prompt"]
    return str(found["id"])


def test_a_password_is_changed_with_a_second_factor(site: Site) -> None:
    """Nothing changes before the code; then the new one counts, other sessions end, the person is told."""
    client, other = site.signed_in(), site.signed_in()
    challenge = challenge_of(client)
    assert 200 == sign_in(site.client()).status_code
    assert (403, "wrong") == error_of(change(client, challenge=challenge, code="000000"))
    assert 204 == change(client, challenge=challenge, code=site.code()).status_code
    assert [200, 401] == [one.get("/api/v1/session").status_code for one in (client, other)]
    assert [401, 200] == [sign_in(site.client(), word).status_code for word in (PASSWORD, NEW)]
    told = client.get("/api/v1/notices").json()["notices"]
    assert "Your password was changed." in told[-1]["text"]
    assert "password_changed" in site.audit.kinds()
    assert NEW not in str(site.audit.entries)


def test_who_has_no_factor_needs_the_password_alone(site: Site) -> None:
    """A ticket that waits is for a first factor and is not asked for."""
    site.services.totp.remove(site.person.id)
    client = site.signed_in()
    assert 204 == change(client).status_code
    assert 200 == sign_in(site.client(), NEW).status_code


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"password": "not my password at all"}, (403, "password")),
        ({"new_password": "short"}, (400, "new_password")),
        ({"new_password": PASSWORD}, (400, "new_password")),
        ({"challenge": "0" * 32, "code": "123456"}, (403, "unknown")),
        ({"challenge": "0" * 32}, (400, "invalid")),
    ],
)
def test_what_is_refused_changes_nothing(
    site: Site, more: dict[str, str], expected: tuple[int, str]
) -> None:
    """A wrong password, one that is not good enough, an answer to nothing; the session goes on."""
    client = site.signed_in()
    answer = change(client, **more)
    assert expected == error_of(answer), answer.text
    assert [200, 200] == [
        client.get("/api/v1/session").status_code, sign_in(site.client()).status_code
    ]  # fmt: skip


def test_approvals_are_not_mixed_up(site: Site) -> None:
    """An approved change of authenticators sets no password, nor the other way round; neither crosses sessions."""
    client, other = site.signed_in(), site.signed_in()
    app = asked(client, **APP)["id"]
    assert (403, "unknown") == error_of(change(client, challenge=app, code=site.code()))
    mine = challenge_of(client)
    assert (403, "unknown") == error_of(change(other, challenge=mine, code=site.code()))
    assert 200 == client.post(f"{CHANGES}/{mine}", json={"code": site.code()}).status_code
    site.clock.advance(30)
    assert (403, "unknown") == error_of(change(client, challenge=mine, code=site.code()))
    assert 200 == sign_in(site.client()).status_code


def test_guesses_at_it_are_throttled_with_those_at_sign_in(site: Site) -> None:
    """Whoever took over a browser that was left open cannot try passwords there."""
    client = site.signed_in()
    answers = [change(client, password=f"guess number {n} of many") for n in range(7)]
    assert 403 == answers[0].status_code
    assert 429 == answers[-1].status_code


def test_a_sign_in_changes_only_an_initial_password(site: Site) -> None:
    """Otherwise who learned a password could replace it without the second factor."""
    answer = sign_in(site.client(), new_password=NEW)
    assert (400, "new_password") == error_of(answer)
    assert 200 == sign_in(site.client()).status_code
