"""A witness that is asked over HTTPS, by the public protocol C2SP tlog-witness (add-checkpoint).

Any witness that speaks it will do. What it answers is believed only if its cosignature is right under
the key that was configured; redirects are not followed and answers are bounded.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from gatehouse.audit import note as notes
from gatehouse.audit.checkpoint import Signed
from gatehouse.audit.errors import CheckpointInvalid
from gatehouse.audit.witness import Prove, WitnessAhead, WitnessRefused, WitnessUnavailable

_TIMEOUT = (3.05, 10)  # seconds to connect, to answer
_LARGEST = 1 << 16


class HttpsWitness:
    """The witness below `url` (`https://…`), whose cosignatures `key` verifies.

    `authority` is the path of a CA bundle; empty for the usual ones.
    """

    def __init__(self, url: str, key: notes.Verifier, authority: str = "") -> None:
        if not url.startswith("https://"):
            raise ValueError("a witness is asked over https only")
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._key = key
        self._verify: str | bool = authority or True
        self._size = 0

    @property
    def name(self) -> str:
        return self._key.name

    def known(self) -> int:
        return self._size

    def submit(self, signed: Signed, prove: Prove) -> str:
        size = signed.checkpoint.size
        for _attempt in range(2):
            if self._size > size:
                raise WitnessAhead(self._size, size)
            status, text = self._ask(signed, prove)
            if status == 200:
                lines = self._checked(signed, text)
                self._size = size
                return lines
            known = re.fullmatch(r"(0|[1-9]\d{0,18})\n", text, re.ASCII)
            if status != 409 or known is None:
                break
            if int(known[1]) == self._size:  # same size: the roots differ
                raise WitnessRefused(f"the witness saw other entries up to {self._size}")
            self._size = int(known[1])
        if status in (404, 403):
            raise WitnessUnavailable(f"the witness does not know this log (status {status})")
        if status == 422:
            raise WitnessRefused("the log does not continue what the witness saw")
        raise WitnessUnavailable(f"the witness answered with status {status}")

    def _ask(self, signed: Signed, prove: Prove) -> tuple[int, str]:
        import requests

        proof = prove(self._size) if 0 < self._size < signed.checkpoint.size else []
        lines = [f"old {self._size}", *(base64.b64encode(line).decode() for line in proof)]
        body = "\n".join(lines) + "\n\n" + signed.note
        try:
            with requests.post(
                self._url,
                data=body.encode(),
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=_TIMEOUT,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return int(answer.status_code), _bounded(answer)
        except requests.RequestException as error:
            raise WitnessUnavailable(
                f"the witness cannot be reached ({type(error).__name__})"
            ) from error

    def _checked(self, signed: Signed, lines: str) -> str:
        """The line of our witness; raises `WitnessUnavailable` when its cosignature is not there."""
        text, _ = notes.split(signed.note)
        try:
            _, good = notes.check(f"{text}\n{lines}", [self._key])
            found = [
                notes.signature_line(name, key_id, signature)
                for name, key_id, signature in notes.split(f"{text}\n{lines}")[1]
                if (name, key_id) == (self._key.name, self._key.key_id)
            ]
        except CheckpointInvalid as error:
            raise WitnessUnavailable("the witness answered with a wrong cosignature") from error
        if self._key not in good:
            raise WitnessUnavailable("the witness answered without its cosignature")
        return found[0]


def _bounded(answer: Any) -> str:
    data = b""
    for part in answer.iter_content(8192):
        data += part
        if len(data) > _LARGEST:
            raise WitnessUnavailable("the answer of the witness is too long")
    try:
        text: str = data.decode()
    except UnicodeDecodeError as error:
        raise WitnessUnavailable("the answer of the witness is not text") from error
    return text
