"""Bodies far larger than any message: declared, and chunked without saying how much comes."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable

MIB = 1 << 20  # the largest body that the settings allow
JSON = ("Content-Type", "application/json")


def attempt(trial: Trial) -> None:
    site = trial.site
    headers = [("Origin", site.target.origin), ("Sec-Fetch-Site", "same-origin"), JSON]
    filled = b'{"username":"' + b"a" * (MIB + MIB // 2) + b'","password":"x"}'
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part)
        for part in (filled[at : at + 65536] for at in range(0, len(filled), 65536))
    )
    requests = {
        "that is declared with 64 MiB": ([("Content-Length", str(64 * MIB))], b'{"username":"'),
        "of 1.5 MiB": ([("Content-Length", str(len(filled)))], filled),
        "of 1.5 MiB in chunks": ([("Transfer-Encoding", "chunked")], chunked + b"0\r\n\r\n"),
    }
    door = trial.stranger()
    shown = [(name, str(value)) for name, value in door.at_the_door().items()]
    cookie = [item for item in door.headers("GET") if item[0] == "Cookie"]
    for what, (framing, body) in requests.items():
        try:
            answer = site.send(
                "POST", "/api/v1/session", [*headers, *shown, *cookie, *framing], body
            )
        except Unreachable:
            answer = None  # cut off in the middle, which is a refusal as well
        trial.hold(
            answer is None or answer.status in (400, 413),
            f"a body {what}: answered {answer.status if answer else 0} instead of 413",
        )
    trial.refused(site.send("GET", "/healthz"), "the site after that", 200)


ATTACK = Attack(
    id="oversized-bodies",
    title="Send bodies of megabytes, declared and in chunks",
    stride=("D",),
    asvs=("V2.2.1", "V15.2.2"),
    severity="medium",
    expects="Refused (413) or cut off, before all of it is read.",
    mend="Bound bodies by limits.body; a proxy in front should have such a bound too.",
    attempt=attempt,
)
