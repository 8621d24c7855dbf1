"""Front ends over HTTP: two layers to get a token, a proof with every request, and no way around either."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest

from gatehouse.channel.routes import ROUTES
from gatehouse.channel.token_speakers import NEEDED
from gatehouse.identity import METADATA_KEY
from gatehouse.identity.front_ends import FrontEnd, PublicKey
from gatehouse.identity.front_ends.signed import ASSERTION_TYPE
from tests.front_end import Caller, SigningFrontEnd
from tests.patience import PATIENCE
from tests.unit.channel.harness import PASSWORD, Site, say
from tests.unit.channel.test_defences import address, assert_finished

DAY = 86400.0
ALL = ("chat", "history", "export")


def registered(site: Site, scopes: tuple[str, ...] = ALL, algorithm: str = "EdDSA") -> Caller:
    """A front end of Erin that has no token yet."""
    signer = SigningFrontEnd(site.clock.now, algorithm)
    key = PublicKey.of(signer.jwk)
    made = site.services.front_ends.register(
        site.person.id, "Kiosk", "kiosk.example.org", scopes, key, 90 * DAY
    )
    signer.id, signer.domain = made.id, made.domain
    return Caller(plain(site), site.origin, signer)


def plain(site: Site) -> httpx.Client:
    """A client that is no browser."""
    made = httpx.Client(base_url=site.origin, verify=site.tls())
    site._clients.append(made)
    return made


def at_work(site: Site, scopes: tuple[str, ...] = ALL) -> Caller:
    """A front end with a token for `scopes`; the code of the moment is used up."""
    caller = registered(site)
    answer = caller.sign_in(site.code(), scopes=list(scopes))
    assert 200 == answer.status_code, answer.text
    return caller


def front_end_of(site: Site) -> FrontEnd:
    found: FrontEnd = site.services.front_ends.of_person(site.person.id)[0]
    return found


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_front_end_speaks_for_its_person(site: Site, algorithm: str) -> None:
    """Key and code give a token; messages have a signed speaker, of the channel `api`."""
    caller = registered(site, algorithm=algorithm)
    answer = caller.sign_in(site.code())
    assert 200 == answer.status_code, answer.text
    about = answer.json()
    assert ("DPoP", 600, 3600, ["chat"]) == tuple(
        about[name] for name in ("token_type", "expires_in", "renewable_for", "scopes")
    )
    assert [{"text": "All right."}] == caller.say("hello").json()["messages"]
    heard = site.agent.heard[-1]
    claims = jwt.decode((heard.metadata or {})[METADATA_KEY], options={"verify_signature": False})
    assert (site.person.id, "api", 1) == (claims["sub"], claims["channel"], claims["aal"])
    assert heard.sender_id == claims["conversation"]
    assert "set-cookie" not in answer.headers
    assert "token_issued" in site.audit.kinds()
    assert front_end_of(site).last_used_at is not None


def test_the_key_alone_gives_no_token(site: Site) -> None:
    """A wrong code, one that was used, or none; each counts with every other code of the person."""
    caller = registered(site)
    wrong = "000000" if site.code() != "000000" else "000001"
    assert (403, "wrong") == code(caller.sign_in(wrong))
    assert 400 == caller.sign_in("").status_code
    good = site.code()
    assert 200 == caller.sign_in(good).status_code
    assert 403 == caller.sign_in(good).status_code
    kinds = site.audit.kinds()
    assert 2 == kinds.count("token_refused") == kinds.count("step_up_failed")


def test_codes_are_counted_together(site: Site) -> None:
    """Whoever guesses in a front end slows down the chat of the same account, and the other way round."""
    caller = registered(site)
    site.agent.script = site.asks_for_code
    browser = site.signed_in()
    challenge = say(browser, "my payslip").json()["challenge"]
    wrong = "000000" if site.code() != "000000" else "000001"
    assert ["wrong"] * 4 == [code(caller.sign_in(wrong))[1] for _ in range(4)]
    answer = browser.post(f"/api/v1/challenges/{challenge['id']}", json={"code": site.code()})
    assert answer.json()["accepted"] is False
    assert "step_up_refused" in site.audit.kinds()
    refused = caller.sign_in(site.code())
    assert (429, "throttled") == code(refused)
    assert 1 <= int(refused.headers["retry-after"])


def test_the_code_alone_gives_no_token(site: Site) -> None:
    """Another key, another address, a used or missing assertion: one answer, and no code is used up."""
    caller, stranger = registered(site), SigningFrontEnd(site.clock.now)
    stranger.id, stranger.domain = caller.signer.id, caller.signer.domain
    good = caller.signer.assertion(f"{site.origin}/api/v1/token")
    claims = caller.signer.claims(f"{site.origin}/api/v1/token")
    assertions = (
        stranger.assertion(f"{site.origin}/api/v1/token"),
        stranger.signed(claims, "gatehouse-front-end+jwt", kid=caller.signer.key_id),
        caller.signer.assertion("https://elsewhere.example.org/api/v1/token"),
        caller.signer.assertion(f"https://127.0.0.1:{site.port}/api/v1/token"),
        jwt.encode(claims, None, algorithm="none", headers={"kid": caller.signer.key_id}),
        "x" * 4000,
    )
    for assertion in assertions:
        answer = caller.http.post(
            "/api/v1/token", json={"client_assertion": assertion, "code": site.code()}
        )
        assert (401, "front_end") == code(answer)
        assert_finished(answer)
    huge = caller.http.post(
        "/api/v1/token", json={"client_assertion": "x" * 5000, "code": site.code()}
    )
    assert 400 == huge.status_code
    body = {"client_assertion": good, "code": site.code()}
    assert [200, 401] == [caller.http.post("/api/v1/token", json=body).status_code for _ in "ab"]
    assert "step_up_failed" not in site.audit.kinds()
    assert "request_refused" in site.audit.kinds()


def test_of_requests_at_once_one_gets_a_token(site: Site) -> None:
    """The same assertion and code in eight connections: one token."""
    caller = registered(site)
    assertion = caller.signer.assertion(f"{site.origin}/api/v1/token")
    body = {"client_assertion": assertion, "code": site.code()}
    clients = [plain(site) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: one.post("/api/v1/token", json=body), clients))
    assert 1 == sum(answer.status_code == 200 for answer in answers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://localhost"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Mode": "cors"},
        {"Cookie": "a=b"},
    ],
)
def test_a_browser_gets_and_uses_no_token(site: Site, headers: dict[str, str]) -> None:
    """A sign of a browser, or cookies beside a token: refused, also from our own origin."""
    caller = at_work(site)
    headers = {
        name: value.replace("localhost", f"localhost:{site.port}")
        for name, value in headers.items()
    }
    for method, path in (("GET", "/api/v1/history"), ("POST", "/api/v1/messages")):
        answer = caller.send(method, path, headers=headers)
        assert (403, "browser") == code(answer)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    for path in ("/api/v1/token", "/api/v1/front-ends"):
        answer = caller.http.post(path, json={}, headers=headers)
        assert (403, "browser") == code(answer)
    assert [] == site.agent.heard


def test_tokens_and_cookies_do_not_mix(site: Site) -> None:
    """A token is no cookie, a cookie is no token, and a session cookie beside a token opens neither."""
    caller, browser = at_work(site), site.signed_in()
    cookie = browser.cookies["__Host-gatehouse"]
    as_cookie = site.client(Cookie=f"__Host-gatehouse={caller.access_token}")
    assert 401 == as_cookie.get("/api/v1/session").status_code
    both = caller.send("GET", "/api/v1/session", headers={"Cookie": f"__Host-gatehouse={cookie}"})
    assert (403, "browser") == code(both)
    caller.access_token = cookie
    assert 401 == caller.send("GET", "/api/v1/session").status_code
    assert 200 == browser.get("/api/v1/session").status_code


def test_a_stolen_token_is_worth_nothing(site: Site) -> None:
    """Without its key, with another key, with a proof for something else or one that was used."""
    caller = at_work(site)
    thief = Caller(plain(site), site.origin, SigningFrontEnd(site.clock.now))
    thief.access_token = caller.access_token
    token = {"Authorization": f"DPoP {caller.access_token}"}
    path = "/api/v1/history"
    used = caller.proven("GET", path)
    assert 200 == caller.http.get(path, headers=used).status_code
    bearer = {**caller.proven("GET", path), "Authorization": f"Bearer {caller.access_token}"}
    twice = [*caller.proven("GET", path).items(), ("DPoP", caller.signer.proof("GET", path, "x"))]
    tries: tuple[Any, ...] = (
        token,
        used,
        bearer,
        twice,
        caller.proven("POST", path),
        caller.proven("GET", "/api/v1/session"),
        caller.proven("GET", path + "/"),
        thief.proven("GET", path),
        {**token, "DPoP": "garbage"},
        {**token, "DPoP": "x" * 5000},
        {"DPoP": caller.signer.proof("GET", f"{site.origin}{path}", caller.access_token)},
        {**caller.proven("GET", path), "Authorization": "DPoP " + "A" * 43},
        {**caller.proven("GET", path), "Authorization": "DPoP " + "A" * 6000},
    )
    for headers in tries:
        answer = caller.http.get(path, headers=headers)
        assert 401 == answer.status_code, headers
        assert answer.headers["WWW-Authenticate"].startswith("DPoP ")  # RFC 9110 section 11.6.1
        assert_finished(answer)
    site.clock.advance(-3600)
    late = caller.proven("GET", path)
    site.clock.advance(3600)
    assert 401 == caller.http.get(path, headers=late).status_code
    assert 200 == caller.send("GET", path).status_code


def test_a_token_opens_what_its_scopes_name(site: Site) -> None:
    """Of all endpoints exactly those that `NEEDED` gives; changes of one's sign-in are never among them."""
    caller = at_work(site, ("chat",))
    routes = [
        (method, path, f"{part}.{name}")
        for method, path, part, name in ROUTES
        if path.startswith("/api/v1/") and part != "hooks" and name not in ("token", "register")
    ]
    assert set(NEEDED) <= {name for *_, name in routes}
    closed = {"history", "export", None}
    for method, path, name in routes:
        if name in ("signing_in.sign_in", "events.events", "signing_in.sign_out"):
            continue
        answer = caller.send(method, address(path), json={} if method == "POST" else None)
        if name == "front_ends.renew":
            caller.access_token = answer.json()["access_token"]
            continue
        refused = answer.status_code == 403 and code(answer)[1] == "scope"
        assert (NEEDED.get(name) in closed) is refused, (name, answer.text)
    assert not [name for name in NEEDED if name.startswith(("account.", "own."))]


def test_scopes_cannot_be_widened(site: Site) -> None:
    """Neither at the exchange nor by a name that nobody knows; nothing is left out silently."""
    caller = registered(site, ("chat",))
    assert (403, "scope") == code(caller.sign_in(site.code(), scopes=["chat", "export"]))
    for scopes in (["admin"], [], "chat", [1], {"chat": True}):
        assert (400, "scope") == code(caller.sign_in(site.code(), scopes=scopes))
    assert 200 == caller.sign_in(site.code()).status_code, "the code is still good"
    assert (403, "scope") == code(caller.send("GET", "/api/v1/history"))


def test_step_up_works_and_stays_where_it_is(site: Site) -> None:
    """A request waits for its code in the front end; neither challenge nor grant is the browser's."""
    site.agent.script = site.asks_for_code
    caller = at_work(site)
    site.clock.advance(30)
    browser = site.signed_in()
    challenge = caller.say("my payslip").json()["challenge"]
    assert "show your payslip for October 2026" == challenge["prompt"]
    assert challenge == caller.send("GET", "/api/v1/challenge").json()["challenge"]
    path = f"/api/v1/challenges/{challenge['id']}"
    assert browser.get("/api/v1/challenge").json()["challenge"] is None
    there = browser.post(path, json={"code": site.code()})
    assert there.json().get("accepted") is not True
    answer = caller.send("POST", path, json={"code": site.code()})
    assert [{"text": "Your net pay was 2 431.07 EUR."}] == answer.json()["messages"]
    assert "set-cookie" not in answer.headers
    again = say(browser, "my payslip").json()
    assert again["challenge"] is not None, "a grant of the front end is none of the browser's"
    texts = str(browser.get("/api/v1/history").json())
    assert "2 431.07" not in texts


def test_a_renewed_token_keeps_its_conversation(site: Site) -> None:
    """The old token ends at once; after an hour only a second factor gives a new one."""
    caller = at_work(site)
    caller.say("hello")
    for minute in range(9, 60, 9):
        site.clock.advance(540)
        old = caller.access_token
        answer = caller.send("POST", "/api/v1/token/renewal", json={})
        assert 200 == answer.status_code, (minute, answer.text)
        caller.access_token = answer.json()["access_token"]
        lost = Caller(caller.http, site.origin, caller.signer)
        lost.access_token = old
        assert 401 == lost.send("GET", "/api/v1/history").status_code
        caller.say("still here")
    assert 14 == len(caller.send("GET", "/api/v1/history").json()["messages"])
    site.clock.advance(361)
    assert (401, "signed_out") == code(caller.send("GET", "/api/v1/history"))


def test_a_token_ends_by_itself(site: Site) -> None:
    """After ten minutes, whatever was said meanwhile."""
    caller = at_work(site)
    site.clock.advance(599)
    assert 200 == caller.say("hello").status_code
    site.clock.advance(1)
    answer = caller.say("hello again")
    assert (401, "token") == (answer.status_code, answer.json()["error"]["reason"])


Ending = Callable[[Site, str], None]


def by_revocation(site: Site, front_end: str) -> None:
    assert 204 == site.signed_in().delete(f"/api/v1/front-ends/{front_end}").status_code


def by_command(site: Site, front_end: str) -> None:
    site.services.front_ends.revoke(front_end)


def by_disabling(site: Site, _front_end: str) -> None:
    site.directory.disable(site.person.id)


def by_signing_out_everywhere(site: Site, _front_end: str) -> None:
    assert 204 == site.signed_in().delete("/api/v1/sessions").status_code


@pytest.mark.parametrize(
    "end", [by_revocation, by_command, by_disabling, by_signing_out_everywhere]
)
def test_it_is_over_with_the_next_message(site: Site, end: Ending) -> None:
    """Revoked by its person or by an operator, account closed, signed out everywhere."""
    caller = at_work(site)
    assert 200 == caller.say("hello").status_code
    end(site, caller.signer.id)
    assert 401 == caller.say("hello again").status_code
    assert 1 == len(site.agent.heard)
    site.clock.advance(60)
    again = caller.sign_in(site.code()).status_code
    assert (200 if end is by_signing_out_everywhere else 401) == again


def test_a_lost_role_counts_from_the_next_message(site: Site) -> None:
    """A token carries no roles."""
    caller = at_work(site)
    site.directory.set_roles(site.person.id, ["contractor"])
    caller.say("hello")
    token = (site.agent.heard[-1].metadata or {})[METADATA_KEY]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert ["contractor"] == claims["roles"]


def test_revoking_ends_an_open_stream(site: Site) -> None:
    """A stream that is being read ends when its front end is revoked."""
    caller = at_work(site)
    headers = caller.proven("GET", "/api/v1/events")
    with caller.http.stream("GET", "/api/v1/events", headers=headers, timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        assert "retry: 3000" == next(lines)
        by_revocation(site, caller.signer.id)
        assert "event: ended" in list(lines)


def test_people_see_and_end_their_own_front_ends(site: Site) -> None:
    """In the browser: all of one's own, with last use; nobody else's; a front end ends itself only."""
    caller, other = at_work(site), registered(site)
    browser = site.signed_in()
    listed = browser.get("/api/v1/front-ends").json()["front_ends"]
    used = {one["id"]: one["last_used_at"] for one in listed}
    assert {caller.signer.id: int(site.clock.now()), other.signer.id: None} == used
    assert "Kiosk" in [one["browser"] for one in browser.get("/api/v1/sessions").json()["sessions"]]
    foreign = site.services.front_ends.register(
        "p-other", "Other", "other.example.org", ["chat"],
        PublicKey.of(SigningFrontEnd(site.clock.now).jwk), DAY,
    )  # fmt: skip
    assert 404 == browser.delete(f"/api/v1/front-ends/{foreign.id}").status_code
    assert 404 == caller.send("DELETE", f"/api/v1/front-ends/{other.signer.id}").status_code
    assert 204 == caller.send("DELETE", f"/api/v1/front-ends/{caller.signer.id}").status_code
    assert 401 == caller.send("GET", "/api/v1/session").status_code
    listed = browser.get("/api/v1/front-ends").json()["front_ends"]
    assert [other.signer.id] == [one["id"] for one in listed]


def test_a_key_is_replaced_by_its_holder(site: Site) -> None:
    """With a code and a proof of the new key; the old one goes on for the overlap, no longer."""
    caller = at_work(site)
    new = SigningFrontEnd(site.clock.now, "ES256")
    new.id, new.domain = caller.signer.id, caller.signer.domain
    site.clock.advance(30)
    where = f"{site.origin}/api/v1/front-ends/keys"
    body = {"key": new.jwk, "client_assertion": new.assertion(where), "code": site.code()}
    forged = {**body, "client_assertion": caller.signer.assertion(where)}
    wrong = "000000" if site.code() != "000000" else "000001"
    assert 401 == caller.send("POST", "/api/v1/front-ends/keys", json=forged).status_code
    unconfirmed = {**body, "client_assertion": new.assertion(where), "code": wrong}
    assert 403 == caller.send("POST", "/api/v1/front-ends/keys", json=unconfirmed).status_code
    assert 200 == caller.send("POST", "/api/v1/front-ends/keys", json=body).status_code
    assert 200 == caller.send("GET", "/api/v1/history").status_code
    site.clock.advance(86400)
    late = Caller(plain(site), site.origin, new)
    assert 401 == caller.sign_in(site.code()).status_code
    assert 200 == late.sign_in(site.code()).status_code
    assert "administration" in site.audit.kinds()


def registration(site: Site, signer: SigningFrontEnd, **more: Any) -> dict[str, Any]:
    return {
        "username": "erin.walsh",
        "password": PASSWORD,
        "code": site.code(),
        "name": "My phone",
        "domain": "phone.example.org",
        "key": signer.jwk,
        "client_assertion": signer.signed(
            signer.first_claims(
                "erin.walsh", "phone.example.org", f"{site.origin}/api/v1/front-ends"
            ),
            ASSERTION_TYPE,
            kid=signer.key_id,
        ),
        **more,
    }


def test_people_register_only_where_they_may(site: Site) -> None:
    """The default leaves it to the operator; nobody learns whether a password was right."""
    for password in (PASSWORD, "not the password"):
        body = registration(site, SigningFrontEnd(site.clock.now), password=password)
        answer = plain(site).post("/api/v1/front-ends", json=body)
        assert (403, "front_ends_off") == code(answer)
    assert () == site.services.front_ends.of_person(site.person.id)


def test_registering_takes_password_and_code(tmp_path: Any) -> None:
    """Where people may: either alone does not do, and what is registered can get a token."""
    with Site(tmp_path, GATEHOUSE_FRONT_ENDS_REGISTERED_BY="people") as site:
        signer, http = SigningFrontEnd(site.clock.now), plain(site)
        wrong = "000000" if site.code() != "000000" else "000001"
        for change, expected in (
            ({"password": "not the password"}, 401),
            ({"code": wrong}, 403),
            ({"key": {**signer.jwk, "d": "A" * 43}}, 400),
            ({"scopes": ["admin"]}, 400),
            ({"roles": ["administrator"]}, 400),
            ({"client_assertion": "nothing"}, 401),
            ({"key": SigningFrontEnd(site.clock.now).jwk}, 401),
            ({"domain": "other.example.org"}, 401),
        ):
            body = registration(site, signer, **change)
            assert expected == http.post("/api/v1/front-ends", json=body).status_code, change
        site.clock.advance(60)
        answer = http.post("/api/v1/front-ends", json=registration(site, signer))
        assert (201, ["chat"]) == (answer.status_code, answer.json()["scopes"])
        signer.id, signer.domain = answer.json()["id"], "phone.example.org"
        site.clock.advance(30)
        caller = Caller(http, site.origin, signer)
        assert 200 == caller.sign_in(site.code()).status_code
        told = site.signed_in().get("/api/v1/notices").json()["notices"]
        assert "“My phone” (phone.example.org) was registered" in told[-1]["text"]
        assert ["administration"] == [k for k in site.audit.kinds() if k == "administration"]


def test_no_token_is_given_where_nobody_registers(tmp_path: Any) -> None:
    """`front_ends.registered_by = nobody` closes the exchange, also for who was registered before."""
    with Site(tmp_path, GATEHOUSE_FRONT_ENDS_REGISTERED_BY="nobody") as site:
        answer = registered(site).sign_in(site.code())
        assert (403, "front_ends_off") == code(answer)


@pytest.mark.parametrize("field", ["sender", "person", "roles", "channel", "client_id"])
def test_no_body_says_who_speaks(site: Site, field: str) -> None:
    """A field that the server decides is refused by every endpoint of front ends."""
    caller = at_work(site)
    for path in ("/api/v1/token/renewal", "/api/v1/front-ends/keys"):
        assert (400, "invalid") == code(caller.send("POST", path, json={field: "someone"}))
    assert (400, "invalid") == code(caller.sign_in(site.code(), **{field: "someone"}))
    body = registration(site, caller.signer, **{field: "someone"})
    assert (400, "invalid") == code(plain(site).post("/api/v1/front-ends", json=body))


def test_exchanges_are_limited(site: Site) -> None:
    """Seven in a minute by one front end, twenty-one by one address: refused before any code."""
    caller = registered(site)
    wrong = "000000" if site.code() != "000000" else "000001"
    answers = [caller.sign_in(wrong) for _ in range(7)]
    assert (429, "too_many") == code(answers[-1])
    for _ in range(20):
        answer = caller.http.post(
            "/api/v1/token", json={"client_assertion": "x.y.z", "code": "123456"}
        )
    assert (429, "too_many") == code(answer)


def test_without_its_entry_there_is_no_token(site: Site) -> None:
    """When the log cannot be written, nothing is given."""
    caller = registered(site)
    site.audit.broken = True
    assert 503 == caller.sign_in(site.code()).status_code
    site.audit.broken = False
    assert not [one for one in site.services.sessions.of_person(site.person.id) if one.terms]
