"""Bodies that grow when they are unpacked, and answers that shrink by what they hold."""

from __future__ import annotations

import gzip
import zlib

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable


def attempt(trial: Trial) -> None:
    browser = trial.stranger()
    door = dict(browser.at_the_door())
    plain = as_json({"username": "selftest-nobody", "password": "wrong password"})
    bomb = as_json({"username": "a" * (8 << 20), "password": "x"})
    bodies = {
        "a small body in gzip": ("gzip", gzip.compress(plain)),
        "a small body in deflate": ("deflate", zlib.compress(plain)),
        "8 MiB in a gzip of some kilobytes": ("gzip", gzip.compress(bomb)),
        "a body under an encoding that nobody knows": ("x-unknown", plain),
    }
    for what, (encoding, body) in bodies.items():
        try:
            answer = browser.ask(
                "POST", "/api/v1/session", body=body, change={**door, "Content-Encoding": encoding}
            )
        except Unreachable:
            trial.hold(True, "")
            continue
        trial.refused(answer, what, 400, 413, 415)
    answer = browser.ask("GET", "/api/v1/session", change={"Accept-Encoding": "gzip, br, deflate"})
    trial.hold(
        not answer.header("content-encoding"),
        "answers with secrets are compressed, which tells about them by their length (BREACH)",
    )


ATTACK = Attack(
    id="compressed-bodies",
    title="Send compressed bodies, one of which unpacks to megabytes",
    stride=("D", "I"),
    asvs=("V15.2.2", "V2.2.1"),
    severity="medium",
    expects="Refused (415); answers of the API are not compressed.",
    mend="Unpack no request; leave compression of API answers off in a proxy.",
    attempt=attempt,
)
