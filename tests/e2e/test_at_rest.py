"""Nothing that people write is readable in any file that the server leaves behind."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.deployment import Deployment

MARKED = "zanzibarquokka"


def files_with(deployment: Deployment, *needles: bytes) -> dict[str, list[bytes]]:
    """Which of `needles` stand in which file of the deployment.

    The demonstration's system of record is not searched: it stands for a system of its own.
    """
    found: dict[str, list[bytes]] = {}
    for path in deployment.home.rglob("*"):
        inside = path.relative_to(deployment.home).parts[0]
        if not path.is_file() or path.is_symlink() or path.name.startswith("records.db"):
            continue
        if inside not in {"var"} and path.suffix != ".log":
            continue
        content = path.read_bytes()
        hits = [needle for needle in needles if needle in content]
        if hits:
            found[str(path.relative_to(deployment.home))] = hits
    return found


def test_no_plaintext_in_any_file(deployment: Deployment) -> None:
    """Message text, codes, passwords, conversation ids and session tokens are in no file of the
    deployment, logs and write-ahead logs included; intent names are in none of the conversations'
    database (the audit log names them)."""
    account = deployment.person("employee")
    chat = account.sign_in()
    chat.say(f"hello {MARKED}, I am a marked text")
    chat.say(f"I want to report a security incident about {MARKED}")
    chat.say("what is my salary")
    code = account.code()
    chat.give(code)
    token = chat.http.cookies["__Host-gatehouse"]
    conversation = deployment.runtime.sessions.resolve(token).conversation_id
    # Six digits alone also stand in hashes by chance; a stored code would end a quoted text.
    needles = [MARKED, code + '"', token, conversation, "granite-otter", "gross a year"]
    assert {} == files_with(deployment, *(needle.encode() for needle in needles))
    stored = files_with(deployment, b"view_salary", b"report_security_incident")
    assert [] == [name for name in stored if Path(name).name.startswith("gatehouse.db")]


def test_the_search_would_find_it(deployment: Deployment) -> None:
    """The search of the test above finds a text that really is in a file."""
    planted = deployment.home / "var" / "planted.txt"
    planted.write_text(f"so {MARKED} it is", encoding="utf-8")
    try:
        assert {"var/planted.txt": [MARKED.encode()]} == files_with(deployment, MARKED.encode())
    finally:
        planted.unlink()
