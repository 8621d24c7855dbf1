"""A browser as the chat page uses it: cookies, CSRF token, and the headers that browsers add.

Each header can be left out or replaced for an attack; whatever is not attacked stays as it should be,
so that a refusal has one reason.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Any

from gatehouse.ops.selftest.attack import cannot
from gatehouse.ops.selftest.wire import TIMEOUT, Answer, Unreachable

if TYPE_CHECKING:
    from gatehouse.ops.selftest.site import Site

SESSION = "__Host-gatehouse"
API = "/api/v1/"

Change = str | tuple[str, ...] | None
"""A header's other value, its several values, or None to leave it out."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the assistant answered."""

    answer: Answer

    @property
    def _body(self) -> Mapping[str, Any]:
        found = self.answer.json
        return found if isinstance(found, dict) else {}

    @property
    def text(self) -> str:
        return "\n".join(str(item.get("text") or "") for item in self._messages)

    @property
    def challenge(self) -> Mapping[str, Any] | None:
        found = self._body.get("challenge")
        return found if isinstance(found, dict) else None

    @property
    def accepted(self) -> bool:
        return self._body.get("accepted") is True

    @property
    def buttons(self) -> list[str]:
        """The ids of the buttons that are offered."""
        offered = [item for message in self._messages for item in message.get("buttons") or ()]
        return [str(item.get("id")) for item in offered if isinstance(item, dict)]

    @property
    def downloads(self) -> list[str]:
        """The paths of the downloads that are offered."""
        found = [message.get("download") for message in self._messages]
        return [str(item.get("href")) for item in found if isinstance(item, dict)]

    @property
    def _messages(self) -> list[Mapping[str, Any]]:
        found = self._body.get("messages")
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


class Browser:
    """One browser with cookies of its own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        body: bytes | None = None,
        change: Mapping[str, Change] | None = None,
        patient: bool = True,
        keep: bool = True,
        timeout: float = TIMEOUT,
        head_only: bool = False,
    ) -> Answer:
        """One request. `change` replaces headers; `keep` takes over the cookies of the answer."""
        sent = body if body is not None else b"" if json is None else dumps(json).encode()
        headers = self.headers(method, has_body=bool(sent) or method == "POST")
        for name, value in (change or {}).items():
            headers = [item for item in headers if item[0].lower() != name.lower()]
            values = () if value is None else (value,) if isinstance(value, str) else value
            headers += [(name, one) for one in values]
        answer = self._site.send(
            method,
            path,
            headers,
            sent,
            patient=patient,
            timeout=timeout,
            head_only=head_only,
        )
        if keep:
            self._take_cookies(answer)
        return answer

    def headers(self, method: str, *, has_body: bool = False) -> list[tuple[str, str]]:
        """What a browser on the chat page sends along."""
        found = [("Accept", "application/json"), ("Sec-Fetch-Site", "same-origin")]
        if self.cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            found.append(("Cookie", pairs))
        if method not in ("GET", "HEAD"):
            found.append(("Origin", self._site.target.origin))
            if self.csrf:
                found.append(("X-CSRF-Token", self.csrf))
        if has_body:
            found.append(("Content-Type", "application/json"))
        return found

    def sign_in(self, username: str, password: str, *, patient: bool = True) -> Answer:
        """Sign in; the answer says whether it worked."""
        given = {"username": username, "password": password}
        change = self.at_the_door()
        answer = self.ask("POST", f"{API}session", given, change=change, patient=patient)
        if answer.status == 200:
            self.csrf = str((answer.json or {}).get("csrf") or "")
        return answer

    def at_the_door(self) -> Mapping[str, Change]:
        """The header that shows that the sign-in form was loaded here, where the site asks for it."""
        # Not as the person who is signed in already: they are past the door.
        kept = [f"{name}={value}" for name, value in self.cookies.items() if name != SESSION]
        change = {"Cookie": "; ".join(kept) or None}
        answer = self.ask("GET", f"{API}session", change=change)
        error = (answer.json or {}).get("error") if answer.status == 401 else None
        token = error.get("door") if isinstance(error, dict) else None
        return {"X-CSRF-Token": token} if isinstance(token, str) else {}

    def sign_out(self) -> None:
        """Sign out, whatever state the session is in."""
        try:
            self.ask("DELETE", f"{API}session", patient=False)
        except Unreachable:
            return

    def message(self, text: str, message_id: str = "", *, patient: bool = True) -> Answer:
        """Send `text` as a message."""
        given = {"id": message_id or secrets.token_hex(12), "text": text}
        return self.ask("POST", f"{API}messages", given, patient=patient)

    def say(self, text: str) -> Reply:
        """What the assistant answers to `text`; raises `NotRun` when it does not answer."""
        return _reply(self.message(text))

    def press(self, button: str) -> Reply:
        """What the assistant answers to the choice of a button."""
        given = {"id": secrets.token_hex(12), "button": button}
        return _reply(self.ask("POST", f"{API}buttons", given))

    def give(self, challenge: Mapping[str, Any], code: str, *, patient: bool = True) -> Answer:
        """Give `code` for a request that waits."""
        given = {"id": secrets.token_hex(12), "code": code}
        path = f"{API}challenges/{challenge.get('id')}"
        return self.ask("POST", path, given, patient=patient)

    def history(self) -> list[Mapping[str, Any]]:
        """The messages of the conversation; raises `NotRun` when they are not shown."""
        answer = self.ask("GET", f"{API}history")
        found = (answer.json or {}).get("messages") if answer.status == 200 else None
        if not isinstance(found, list):
            cannot(f"the history was not shown: {answer.status}")
        return [item for item in found if isinstance(item, dict)]

    def said(self) -> list[str]:
        """What the person said, as the history has it."""
        return [str(item.get("text")) for item in self.history() if item.get("from") == "person"]

    def _take_cookies(self, answer: Answer) -> None:
        for value in answer.all("set-cookie"):
            pair, *attributes = value.split(";")
            name, _, content = pair.strip().partition("=")
            if any(item.strip().lower() == "max-age=0" for item in attributes) or not content:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = content


def _reply(answer: Answer) -> Reply:
    if answer.status != 200:
        cannot(f"a message was not answered: {answer.status} {answer.code}".rstrip())
    return Reply(answer)
