"""Sign-in at a real, certified OpenID Connect provider: who gets in, as whom, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from gatehouse.channel.cookies import FLOW, SESSION
from gatehouse.clock import SettableClock
from gatehouse.identity.directory import NOBODY
from gatehouse.identity.provider.check import look
from gatehouse.identity.provider.service import open_provider
from tests.oidc.desk import (
    KEY,
    PEOPLE,
    Browser,
    ProviderSite,
    free_port,
    need_provider,
    query_of,
)
from tests.unit.channel.harness import PASSWORD, say, sign_in


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderSite]:
    need_provider()
    with ProviderSite(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.fixture
def browser(site: ProviderSite) -> Browser:
    return site.browser()


def test_a_person_of_the_provider_signs_in(site: ProviderSite, browser: Browser) -> None:
    """Code flow with PKCE: matched by employee id, with the roles that the groups give, no others."""
    answer = browser.sign_in()
    assert (303, "/chat") == (answer.status_code, answer.headers["location"])
    found = browser.session()
    assert ({"name": "Erin Walsh", "roles": ["employee"]}, "/sign-in/out") == (
        found["person"],
        found["sign_out_at"],
    )
    assert 200 == say(browser.http, "hello").status_code
    facts = {"person": site.person.id, "by": "provider", "aal": 1}
    assert ("sign_in", facts) in site.audit.entries


def ended(answer: httpx.Response) -> str:
    """The word with which the browser comes back to the chat page; no session came with it."""
    assert 303 == answer.status_code
    assert SESSION + "=" not in answer.headers.get("set-cookie", "")
    page, _, word = answer.headers["location"].partition("#sign-in=")
    assert "/chat" == page
    return word


def test_the_request_is_bound_to_the_browser(site: ProviderSite, browser: Browser) -> None:
    """PKCE with S256, a state and a nonce of 256 bits, one redirect address; the cookie is Lax and short."""
    answer = browser.http.get("/sign-in")
    asked = query_of(answer.headers["location"])
    assert ("code", "S256", f"{site.origin}/sign-in/return") == (
        asked["response_type"],
        asked["code_challenge_method"],
        asked["redirect_uri"],
    )
    assert "openid profile" == asked["scope"]
    assert 43 == len(asked["state"]) == len(asked["nonce"]) == len(asked["code_challenge"])
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{FLOW}=")
    for part in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=600"):
        assert part in cookie
    assert "Domain" not in cookie
    assert not {asked["state"], asked["nonce"]} & {cookie}


def test_an_answer_counts_once(site: ProviderSite, browser: Browser) -> None:
    """The address with code and state, found in a history, signs nobody in again."""
    url = browser.at_provider(browser.begin(), "0001")
    flow = browser.http.cookies[FLOW]
    assert "/chat" == browser.come_back(url).headers["location"]
    browser.http.headers["Cookie"] = f"{FLOW}={flow}"
    assert "expired" == ended(browser.come_back(url))
    refused = ("sign_in_refused", {"person": NOBODY, "reason": "provider_replayed"})
    assert refused == site.audit.entries[-1]


def test_an_answer_counts_in_its_own_browser_only(site: ProviderSite) -> None:
    """Somebody else's sign-in cannot be put into a browser: neither without a flow of its own nor into it."""
    attacker, victim, stranger = site.browser(), site.browser(), site.browser()
    url = attacker.at_provider(attacker.begin(), "0002")
    assert "expired" == ended(stranger.come_back(url))
    victim.begin()
    assert "expired" == ended(victim.come_back(url))
    # The victim's own state with the attacker's code: the verifier does not fit it.
    mine = query_of(victim.begin())["state"]
    injected = f"{site.origin}/sign-in/return?" + urlencode({**query_of(url), "state": mine})
    assert "refused" == ended(victim.come_back(injected))
    assert site.audit.entries[-1][1]["reason"] == "provider_answer"


@pytest.mark.parametrize("issuer", ["https://evil.example", None], ids=["another", "none"])
def test_an_answer_of_somebody_else_is_refused(
    site: ProviderSite, browser: Browser, issuer: str | None
) -> None:
    """Mix-up (RFC 9207): the issuer in the answer is compared before the code goes anywhere."""
    url = browser.at_provider(browser.begin(), "0001")
    changed = {**query_of(url), "iss": issuer}
    query = urlencode({name: value for name, value in changed.items() if value})
    assert "refused" == ended(browser.come_back(f"{site.origin}/sign-in/return?{query}"))
    assert "provider_issuer" == site.audit.entries[-1][1]["reason"]


@pytest.mark.parametrize(
    "query",
    ["", "code=x", "state=x", "code=x&state=x", "code=x&code=y&state=x", "error=x", "a=%zz"],
)
def test_an_answer_to_nothing_is_refused(site: ProviderSite, browser: Browser, query: str) -> None:
    """Whatever the address says, without a flow nothing happens and the provider is not asked."""
    answer = browser.come_back(f"{site.origin}/sign-in/return?{query}")
    assert "expired" == ended(answer)


def test_breaking_off_is_no_failure(site: ProviderSite, browser: Browser) -> None:
    """Who refuses at the provider comes back to the chat page, signed out."""
    state = query_of(browser.begin())["state"]
    query = urlencode({"error": "access_denied", "state": state, "iss": site.provider.issuer})
    assert "cancelled" == ended(browser.come_back(f"{site.origin}/sign-in/return?{query}"))


def test_another_site_cannot_begin(site: ProviderSite, browser: Browser) -> None:
    """A link or picture elsewhere signs nobody in in silence; a frame gets no answer."""
    answer = browser.http.get("/sign-in", headers={"Sec-Fetch-Site": "cross-site"})
    assert 403 == answer.status_code
    url = browser.at_provider(browser.begin(), "0001")
    framed = browser.http.get(url, headers={"Sec-Fetch-Dest": "iframe"})
    assert 403 == framed.status_code


@pytest.mark.parametrize(("subject", "reason"), [("0002", "unknown"), ("0003", "unknown")])
def test_nobody_comes_in_whom_nobody_knows(
    site: ProviderSite, browser: Browser, subject: str, reason: str
) -> None:
    """By default nobody is created: no person with this employee id, no sign-in."""
    assert "refused" == ended(browser.sign_in(subject))
    expected = ("sign_in_refused", {"person": NOBODY, "reason": f"provider_{reason}"})
    assert expected == site.audit.entries[-1]


def test_a_link_is_to_the_subject_and_not_to_a_number(site: ProviderSite) -> None:
    """Whoever gets Erin's employee id at the provider later does not become Erin."""
    assert "/chat" == site.browser().sign_in("0001").headers["location"]
    site.provider.people["0003"] |= {"employee_number": "E-1001", "groups": ["staff"]}
    site.provider.start()
    assert "refused" == ended(site.browser().sign_in("0003"))
    site.provider.people = {**PEOPLE}
    site.provider.start()


def test_roles_follow_the_provider(site: ProviderSite) -> None:
    """More groups give more roles at the next sign-in; without any, old sessions end as well."""
    before = site.browser()
    before.sign_in()
    before.session()
    groups = ["staff", "people-managers"]
    site.provider.people["0001"] = {**PEOPLE["0001"], "groups": groups}
    site.provider.start()
    now = site.browser()
    now.sign_in()
    assert ["employee", "manager"] == now.session()["person"]["roles"]
    assert ["employee", "manager"] == before.session()["person"]["roles"]
    site.provider.people["0001"] = {**PEOPLE["0001"], "groups": ["retired"]}
    site.provider.start()
    assert "refused" == ended(site.browser().sign_in())
    assert [401, 401] == [say(one.http, "hello").status_code for one in (before, now)]
    site.provider.people = {**PEOPLE}
    site.provider.start()


def test_a_disabled_person_stays_out(site: ProviderSite, browser: Browser) -> None:
    """The directory has the last word on who may come in."""
    site.browser().sign_in()
    site.directory.disable(site.person.id)
    assert "refused" == ended(browser.sign_in())
    site.directory.enable(site.person.id)


def test_the_provider_ends_sessions_here(
    site: ProviderSite, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing out there signs out here at once; the token that says so counts once, forged never."""
    tokens: list[object] = []
    provider = site.services.provider
    genuine = provider.logout

    def overheard(token: object, end: object) -> None:
        tokens.append(token)
        genuine(token, end)

    monkeypatch.setattr(provider, "logout", overheard)
    other = site.browser()
    for one in (browser, other):
        one.sign_in()
        one.session()
    page = browser.http.get(browser.http.get("/sign-in/out").headers["location"])
    browser.press(page, "logout")
    site.provider.wait_for("backchannel.success")
    assert 401 == say(browser.http, "hello").status_code
    assert 200 == say(other.http, "hello").status_code
    facts = {"person": site.person.id, "reason": "provider"}
    assert ("session_ended", facts) in site.audit.entries
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for token in (tokens[0], "x.y.z", ""):
        body = urlencode({"logout_token": token})
        answer = httpx.post(
            f"{site.origin}/sign-in/logout", content=body, headers=form, verify=site.tls()
        )
        assert (400, "invalid_request") == (answer.status_code, answer.json()["error"])
        assert "no-store" == answer.headers["cache-control"]
    assert 200 == say(other.http, "hello again").status_code


def test_signing_out_there_leads_back_here(site: ProviderSite, browser: Browser) -> None:
    """RP-initiated logout, with one fixed address and nothing about the person in it."""
    browser.sign_in()
    asked = query_of(browser.http.get("/sign-in/out").headers["location"])
    assert {"client_id": "gatehouse", "post_logout_redirect_uri": f"{site.origin}/chat"} == asked


def test_signing_in_again_ends_the_session_before(site: ProviderSite, browser: Browser) -> None:
    """Also one of a password: a browser has one session."""
    sign_in(browser.http)
    token = browser.http.cookies[SESSION]
    browser.sign_in()
    old = site.client(Cookie=f"{SESSION}={token}")
    assert 401 == old.get("/api/v1/session").status_code


def test_people_are_created_only_when_that_is_wanted(
    site: ProviderSite, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just in time: with mapped roles, recorded first, without a password; never over an existing name."""
    settings = replace(site.settings, provider=replace(site.settings.provider, newcomers="create"))
    created = open_provider(
        settings, site.clock, site.services.engine, KEY, site.directory, site.audit.append
    )
    monkeypatch.setattr(site.services, "provider", created)
    assert "/chat" == browser.sign_in("0002").headers["location"]
    assert {"name": "Noor Haddad", "roles": ["employee", "manager"]} == browser.session()["person"]
    person = site.directory.by_username("noor.haddad")
    assert person is not None and "E-2002" == person.employee_id
    assert ("administration", {"operation": "people.add", "by": "provider"}) in site.audit.entries
    assert "refused" == ended(site.browser().sign_in("0003"))
    assert "provider_roles" == site.audit.entries[-1][1]["reason"]
    site.provider.people["0004"] = {**PEOPLE["0002"], "employee_number": "E-4004"}
    site.provider.start()
    assert "refused" == ended(site.browser().sign_in("0004"))
    assert "provider_claims" == site.audit.entries[-1][1]["reason"]


def test_a_recent_sign_in_can_be_asked_for(
    site: ProviderSite, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `max_age` the provider says when it was, and too long ago is refused."""
    settings = replace(site.settings, provider=replace(site.settings.provider, max_age=60))
    clock = SettableClock(site.clock.now())
    asking = open_provider(
        settings, clock, site.services.engine, KEY, site.directory, site.audit.append
    )
    monkeypatch.setattr(site.services, "provider", asking)
    assert "60" == query_of(browser.begin())["max_age"]
    assert "/chat" == browser.sign_in().headers["location"]
    url = browser.at_provider(browser.begin(), "0001")
    clock.advance(150)
    assert "refused" == ended(browser.come_back(url))
    assert "provider_assurance" == site.audit.entries[-1][1]["reason"]


def test_passwords_can_be_switched_off(site: ProviderSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the directory's password opens nothing, right or wrong, and the answer says where to go."""
    settings = replace(site.settings, provider=replace(site.settings.provider, passwords=False))
    monkeypatch.setattr(site.services, "settings", settings)
    for password in (PASSWORD, "some other password"):
        answer = sign_in(site.client(), password)
        assert (403, "passwords_off") == (answer.status_code, answer.json()["error"]["code"])
    assert ("sign_in_refused", {"person": NOBODY, "reason": "passwords_off"}) == (
        site.audit.entries[-1]
    )


def test_a_provider_that_is_away_is_said(
    site: ProviderSite, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets in, nothing breaks, and the page can say why."""
    gone = replace(site.settings.provider, issuer=f"https://localhost:{free_port()}")
    away = open_provider(
        replace(site.settings, provider=gone),
        *(site.clock, site.services.engine, KEY, site.directory, site.audit.append),
    )
    monkeypatch.setattr(site.services, "provider", away)
    assert "unavailable" == ended(browser.http.get("/sign-in"))


def test_without_the_log_nobody_gets_in(site: ProviderSite, browser: Browser) -> None:
    """The sign-in is recorded before it counts."""
    url = browser.at_provider(browser.begin(), "0001")
    site.audit.broken = True
    try:
        answer = browser.come_back(url)
    finally:
        site.audit.broken = False
    assert answer.status_code >= 500
    assert SESSION + "=" not in answer.headers.get("set-cookie", "")


def test_the_operator_sees_what_is_wrong(site: ProviderSite) -> None:
    """The check of the provider: all good with the real one, and a remedy for what is not."""
    assert [] == [found.what for found in look(site.settings, site.clock) if not found.good]
    wrong = replace(site.settings.provider, algorithms=("PS256",))
    found = look(replace(site.settings, provider=wrong), site.clock)
    assert ["the provider publishes a key for a signature that provider.algorithms allows"] == [
        one.what for one in found if not one.good
    ]
