"""What the adapters of roots share: their libraries, which are extras, and their secrets.

A secret comes from a file of mode 0600 or from the environment, is read when it is needed and
kept nowhere. A library that is missing is one clear error that says what to install.
"""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys.errors import KeyRingNotReady, KeyRingUnavailable

Secret = Callable[[], str]


def library(module: str, extra: str) -> Any:
    """The third-party module of an adapter. Raises `NotReady` that names the extra."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NotReady(
            f"the key root needs a library that is not installed: {module}",
            f"install gatehouse[{extra}]",
        ) from error


def secret_from(path: Path | None, variable: str, what: str) -> Secret:
    """A way to read `what` from the environment variable or the file, anew each time.

    Raises `InvalidInput` at once when neither is there; reading raises `KeyRingNotReady` when the
    file is open to others and `KeyRingUnavailable` when it cannot be read.
    """
    if not os.environ.get(variable) and path is None:
        raise InvalidInput(f"there is no {what}", f"name a file of mode 0600, or set {variable}")

    def read() -> str:
        if given := os.environ.get(variable):
            return given
        assert path is not None
        try:
            with path.open(encoding="utf-8") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise KeyRingNotReady(
                        f"the {what} can be read by others: {path}", f"chmod 600 {path}"
                    )
                return file.read(8192).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyRingUnavailable(f"the {what} cannot be read: {path}") from error

    return read
