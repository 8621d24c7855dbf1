"""An action server, or a second Rasa, that listens beside the service on the same machine."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer, Unreachable

CALLED = re.compile(r'"(?:events|action_name)"')
CALL = {"next_action": "action_listen", "tracker": {"sender_id": "x"}, "domain": {}}


def attempt(trial: Trial) -> None:
    for port in trial.site.side_ports:
        if port == trial.site.target.port:
            continue
        for tls in (False, True):
            listed = _asked(trial, port, tls, "GET", "/actions", b"")
            names = listed.json if listed is not None and listed.status == 200 else None
            open_list = isinstance(names, list) and bool(names)
            trial.hold(not open_list, f"port {port} lists the custom actions to anybody")
            called = _asked(trial, port, tls, "POST", "/webhook", as_json(CALL))
            runs = called is not None and bool(CALLED.search(called.text))
            trial.hold(not runs, f"port {port} takes calls of actions from anybody")
            banner = _asked(trial, port, tls, "GET", "/", b"")
            rasa = banner is not None and "hello from rasa" in banner.text.lower()
            trial.hold(not rasa, f"a Rasa server answers anybody on port {port}")
            if listed is not None:
                break


def _asked(
    trial: Trial, port: int, tls: bool, method: str, path: str, body: bytes
) -> Answer | None:
    site = trial.site
    site.count()
    headers = [("Host", f"{site.target.name}:{port}"), ("Content-Type", "application/json")]
    sent = site.bytes_of(method, path, headers, body)
    try:
        return site.wire(tls=tls, port=port).exchange(sent, method, timeout=5.0)
    except Unreachable:
        return None


ATTACK = Attack(
    id="action-server",
    title="Reach an action server or another Rasa on the same machine (5055, 5005)",
    stride=("S", "E", "I"),
    asvs=("V13.2.1", "V15.2.3"),
    severity="critical",
    expects="Nothing answers, or nothing is done without a signature.",
    mend="Run actions in-process, or bind the action server to loopback and sign its calls.",
    attempt=attempt,
)
