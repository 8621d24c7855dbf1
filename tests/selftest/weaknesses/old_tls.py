"""Old versions of TLS are spoken."""

from __future__ import annotations

import ssl
import warnings

import pytest

from tests.selftest.launcher import Kept

FOUND_BY = "tls-versions"


def weaken(patch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        Kept.tls.set_ciphers("ALL:@SECLEVEL=0")
        patch.setattr(Kept.tls, "minimum_version", ssl.TLSVersion.TLSv1_1)
