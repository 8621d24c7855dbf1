"""Addresses of files that lead out of the directory of the page's files."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

UP = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..%252f", "....//", "..;/")
FILES = ("domain.yml", "etc/passwd")
CONTENT = re.compile(r"root:.*:0:0|^version:|intents:", re.MULTILINE)


def attempt(trial: Trial) -> None:
    for up in UP:
        for file in FILES:
            for depth in (3, 8):
                path = f"/chat/static/{up * depth}{file}"
                answer = trial.site.send("GET", path)
                refused = trial.refused(answer, path, 400, 403, 404)
                if refused:
                    trial.hold(not CONTENT.search(answer.text), f"{path} shows a file")


ATTACK = Attack(
    id="path-traversal",
    title="Lead the address of a file out of its directory",
    stride=("I",),
    asvs=("V5.3.2",),
    severity="critical",
    expects="There is nothing at these addresses.",
    mend="Serve from a fixed list of files; never open a path of a request.",
    attempt=attempt,
)
