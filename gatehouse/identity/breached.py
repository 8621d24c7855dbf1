"""A list of stolen passwords that the operator supplies (NIST SP 800-63B-4 section 3.1.1.2).

A text file in the form that such lists are published in: one upper or lower case SHA-1 hash a line, a colon
and a count behind it if you like, sorted. It may have a billion lines; a look-up reads some forty of them.
No password is sent anywhere. A list that cannot be read refuses every new password instead of none.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from gatehouse.errors import InvalidInput, NotReady, Unavailable

_LINE = re.compile(rb"([0-9A-Fa-f]{40})(?::\d{1,12})?\r?")
_LONGEST = 64  # bytes of a line with its end
_SAMPLES = 200


class BreachedList:
    """The list in one file; safe to share between threads.

    Raises `NotReady` when there is no such file and `InvalidInput` when it is not a sorted list.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self._file).st_size
        except OSError as error:
            raise NotReady(
                "passwords.breached_file: it cannot be read", "name a file that exists, or none"
            ) from error
        try:
            self._check_order()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; nothing can be looked up afterwards."""
        os.close(self._file)

    def contains(self, password: str) -> bool:
        """Whether `password` is on the list as it is or in small letters; raises `Unavailable`."""
        forms = {password, password.casefold()}
        return any(self._has(_sha1(form)) for form in forms)

    def _has(self, wanted: bytes) -> bool:
        low, high = 0, self._size
        while low < high:
            start, end, found = self._line((low + high) // 2)
            if found == wanted:
                return True
            if found < wanted:
                low = end
            else:
                high = start
        return False

    def _line(self, position: int) -> tuple[int, int, bytes]:
        """Beginning, end and hash of the line that has the byte at `position`."""
        begin = max(0, position - _LONGEST)
        try:
            data = os.pread(self._file, 2 * _LONGEST + 1, begin)
        except OSError as error:
            raise Unavailable("the list of stolen passwords cannot be read") from error
        at = position - begin
        start = data.rfind(b"\n", 0, at) + 1
        stop = data.find(b"\n", at)
        stop = len(data) if stop < 0 else stop
        match = _LINE.fullmatch(data[start:stop])
        if match is None:
            raise Unavailable(
                "the list of stolen passwords is not what it should be",
                "passwords.breached_file: one SHA-1 hash a line, sorted",
            )
        return begin + start, begin + stop + 1, match[1].upper()

    def _check_order(self) -> None:
        """Look at some lines all over the file: a list sorted otherwise would find nothing."""
        last = b""
        try:
            for number in range(_SAMPLES if self._size else 0):
                found = self._line((self._size - 1) * number // (_SAMPLES - 1))[2]
                if found < last:
                    raise InvalidInput(
                        "passwords.breached_file: it is not sorted by hash", "LC_ALL=C sort FILE"
                    )
                last = found
        except Unavailable as error:
            raise InvalidInput(
                "passwords.breached_file: it is not a list of SHA-1 hashes", *error.hints
            ) from error


def _sha1(text: str) -> bytes:
    # Only the form that lists are published in; nothing is protected by it.
    digest = hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return digest.hexdigest().upper().encode()
