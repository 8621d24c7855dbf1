"""The front end of docs/api.md is run as it stands against a served site."""

from __future__ import annotations

import importlib.util
import json
import re
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.channel.routes import ROUTES
from gatehouse.channel.token_speakers import NEEDED
from gatehouse.identity.front_ends import SCOPES, PublicKey
from gatehouse.ops.tls import local_authority
from tests.unit.channel.harness import Site

GUIDE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def example(site: Site, folder: Path) -> tuple[Any, Any]:
    """What the guide defines, with the clock of `site`."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    path = folder / "front_end.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("front_end_of_the_guide", path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.time = SimpleNamespace(time=site.clock.now)
    return module.FrontEnd, module.talk


def typed(site: Site) -> Iterator[str]:
    """What the person types; each code is of a step of its own."""
    yield site.code()
    yield "my payslip"
    site.clock.advance(30)
    yield site.code()
    yield ""


def test_the_example_of_the_guide_works(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signs in, asks, confirms with a code, renews; and is refused with another key."""
    site.agent.script = site.asks_for_code
    authority = str(local_authority(site.settings).certificate_file)
    front_end, talk = example(site, tmp_path)
    made = front_end(site.origin, Ed25519PrivateKey.generate(), "", "kiosk.example.org", authority)
    registered = site.services.front_ends.register(
        site.person.id, "Kiosk", made.domain, ["chat"], PublicKey.of(made.jwk), 86400
    )
    made.id = registered.id
    types = typed(site)
    monkeypatch.setattr("builtins.input", lambda _prompt: next(types))
    talk(made)
    assert "Your net pay was 2 431.07 EUR." in capsys.readouterr().out
    made.renew()
    assert made.say("hello")["challenge"]
    thief = front_end(site.origin, Ed25519PrivateKey.generate(), made.id, made.domain, authority)
    thief.token = made.token
    with pytest.raises(urllib.error.HTTPError) as refused:
        thief.say("hello")
    with refused.value as answer:
        assert (401, "front_end") == (answer.code, json.load(answer)["error"]["code"])


def test_the_guide_names_every_scope() -> None:
    """No scope without its line, no line without its scope."""
    table = GUIDE.partition("| scope | opens |")[2].partition("\n\n")[0]
    assert set(SCOPES) == set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))


def test_the_guide_lists_what_a_token_opens() -> None:
    """Every endpoint with its scope as the channel enforces it, and no other."""
    rows = re.findall(r"^\| (`[A-Z]+ /.*?) \| (.*?) \|", GUIDE, re.MULTILINE)
    listed = {
        (method, re.sub(r"{(\w+)}", r"<\1:str>", f"/api/v1{path}")): scope.strip("`")
        for requests, scope in rows
        for method, path in re.findall(r"`([A-Z]+) (/.*?)`", requests)
    }
    named = {f"{part}.{name}": (method, path) for method, path, part, name in ROUTES}
    opened = {named[endpoint]: scope or "any" for endpoint, scope in NEEDED.items()}
    opened[named["front_ends.token"]] = opened[named["front_ends.renew"]] = "none"
    assert opened == listed
