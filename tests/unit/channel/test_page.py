"""The chat page: small, without inline code, built from the sources in the repository."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import gatehouse.channel
from gatehouse.channel.routes import ROUTES
from gatehouse.identity.password_rules import MIN_LENGTH
from tests.needs import need
from tests.unit.channel.harness import Site

WIDGET = Path(gatehouse.channel.__file__).parent / "widget"
BUILT = sorted((WIDGET / "built").glob("*.js"))
HEADER = re.compile(r"/\* gatehouse chat page; sources ([0-9a-f]{64}); code ([0-9a-f]{64}) \*/")


@pytest.mark.parametrize("built", BUILT, ids=lambda path: path.name)
def test_the_built_file_corresponds_to_the_sources(built: Path) -> None:
    """Neither the sources nor the built code changed since the build: `node build.mjs`."""
    head, _, code = built.read_text(encoding="utf-8").partition("\n")
    named = HEADER.fullmatch(head)
    assert named is not None
    sources = hashlib.sha256()
    for path in sorted((WIDGET / "src").iterdir(), key=lambda item: item.name):
        sources.update(f"{path.name}\n".encode() + path.read_bytes() + b"\n")
    assert sources.hexdigest() == named[1]
    assert hashlib.sha256(code.encode()).hexdigest() == named[2]


def test_building_again_gives_the_same_file(tmp_path: Path) -> None:
    """The sources produce exactly the built files."""
    tools = shutil.which("node") and (WIDGET / "node_modules").is_dir()
    need(tools, "the widget's build tools are not installed (npm install, in the widget's folder)")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=WIDGET, check=True, timeout=60)
    again = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name: path.read_bytes() for path in BUILT} == again


def test_size_budget() -> None:
    """Each of the two modules, the chat and the account panel, stays under 12 KiB gzipped."""
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in BUILT}
    assert {"account.js", "gatehouse.js"} == set(sizes)
    assert [] == [name for name, size in sizes.items() if size >= 12 * 1024]


def test_no_way_from_text_to_markup() -> None:
    """The sources use no HTML or code sink and keep nothing in the browser."""
    sinks = (
        "innerHTML outerHTML insertAdjacentHTML document.write DOMParser eval( new\\ Function "
        "srcdoc createContextualFragment setHTML localStorage sessionStorage indexedDB "
        "document.cookie"
    )
    words = [word.replace("\\ ", " ") for word in re.split(r"(?<!\\) ", sinks)]
    for path in [*(WIDGET / "src").iterdir(), *BUILT]:
        text = path.read_text(encoding="utf-8")
        assert [] == [word for word in words if word in text], path.name


def test_the_page_names_the_hash_of_each_file(site: Site) -> None:
    """Script and style are what the integrity attributes say, and nothing is inline."""
    client = site.client()
    page = client.get("/chat").text
    named = re.findall(r'(?:href|src)="(/chat/static/[^"]+)" integrity="sha384-([^"]+)"', page)
    assert 3 == len(named)
    for path, expected in named:
        content = client.get(path).content
        assert expected == base64.b64encode(hashlib.sha384(content).digest()).decode()
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"\s(?:on\w+|style)=", page)
    assert 'data-organisation="Brightwater Logistics, HR desk"' in page


@pytest.mark.parametrize(
    "name", ["..%2f..%2fweb.py", "chat.html", "src", "gatehouse.js%00", "%2e%2e", "GATEHOUSE.JS"]
)
def test_only_the_listed_files_are_served(site: Site, name: str) -> None:
    """No path reaches the file system."""
    assert 404 == site.client().get(f"/chat/static/{name}").status_code


def test_every_endpoint_is_described() -> None:
    """The OpenAPI description has exactly the methods and paths that are routed."""
    text = (WIDGET.parent / "openapi.yml").read_text(encoding="utf-8")
    document = YAML(typ="safe", pure=True).load(text)
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    routed = {
        (method, re.sub(r"<(\w+):str>", r"{\1}", path.removeprefix("/api/v1")))
        for method, path, *_ in ROUTES
        if path.startswith("/api/v1/")
    }
    assert described == routed


def test_the_page_says_what_the_chat_says() -> None:
    """Tries are called tries, and the rule for new passwords stands at the field."""
    words = (WIDGET / "src" / "strings.ts").read_text(encoding="utf-8")
    assert '"{count} tries left"' in words
    assert "attempt left" not in words and "attempts left" not in words
    assert f"(at least {MIN_LENGTH} characters)" in words


def test_every_word_of_the_page_stands_in_one_place() -> None:
    """No sentence stands outside the two objects that a translation replaces."""
    for path in (WIDGET / "src").iterdir():
        if path.name.endswith("strings.ts"):
            continue
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        found = re.findall(r'"([A-Z][a-z]+(?: [a-z]+)+[^"]*)"', code)
        assert [] == found, path.name


def test_a_download_is_offered_once() -> None:
    """The link is taken away after use, because its ticket works once."""
    source = (WIDGET / "src" / "log.ts").read_text(encoding="utf-8")
    assert 'link.removeAttribute("href")' in source
    assert "link.textContent = strings.downloaded" in source
