"""Looks at the software that is installed beside this program, as the interpreter knows it."""

from __future__ import annotations

import platform
from importlib.metadata import distributions, version

from gatehouse.ops.evidence.live.result import Asked, Live
from gatehouse.ops.evidence.outcomes import code_digest


def installed(_: Asked) -> Live:
    """Names and versions of every distribution, and the digest of this program's own files."""
    found = {
        str(one.metadata["Name"]).lower(): one.version
        for one in distributions()
        if one.metadata and one.metadata["Name"]
    }
    return Live(
        facts={
            "gatehouse": version("gatehouse"),
            "code_sha256": code_digest(),
            "python": platform.python_version(),
            "distributions": dict(sorted(found.items())),
        }
    )
