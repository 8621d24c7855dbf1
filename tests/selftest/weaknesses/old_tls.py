"""Old versions of TLS are spoken."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable

import pytest

from tests.selftest.launcher import Kept

FOUND_BY = "tls-versions"


def weaken(patch: pytest.MonkeyPatch) -> Callable[[], None]:
    kept = ":".join(item["name"] for item in Kept.tls.get_ciphers())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        Kept.tls.set_ciphers("ALL:@SECLEVEL=0")
        patch.setattr(Kept.tls, "minimum_version", ssl.TLSVersion.TLSv1_1)

    def end() -> None:
        Kept.tls.set_ciphers(kept)

    return end
