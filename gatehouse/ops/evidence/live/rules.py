"""Looks at the policies: what is in force, whether the files say the same, and the page that is signed."""

from __future__ import annotations

from gatehouse.clock import as_datetime
from gatehouse.ops.evidence.live.result import Asked, Live
from gatehouse.policy import status
from gatehouse.policy.domain import read_domain
from gatehouse.policy.loader import load_directory
from gatehouse.policy.report import Content, page, response_texts, test_files
from gatehouse.policy.times import zone_of


def policies(asked: Asked) -> Live:
    """The files of the rules, checked and tested now, with the report on them.

    Raises `PolicyInvalid` when they do not pass. A serving process may have other rules in force,
    because an edit waits for a second person; that is said.
    """
    runtime = asked.runtime
    settings = runtime.settings
    directory = settings.path(settings.policy.directory)
    domain = settings.path("domain.yml")
    found = load_directory(directory, read_domain(domain), settings.policy.time_zone)
    served = status.read_status(settings.path(status.DIRECTORY))
    made = as_datetime(runtime.clock.now()).astimezone(zone_of(found.vocabulary.zone))
    content = Content(
        found, made, "Policy report", test_files(directory, found), response_texts(domain)
    )
    weak = []
    if served and served.in_force != found.revision:
        weak.append("the rules in force are not those of the files")
    if not found.tested:
        weak.append("there are no policy tests")
    return Live(
        good=True,
        why="; ".join(weak),
        facts={
            "revision": found.revision,
            "revision_in_force": served.in_force if served else None,
            "rules": len(found.rules),
            "requests": len(found.intents),
            "roles": len(found.roles),
            "tested_decisions": found.tested,
            "four_eyes": settings.policy.four_eyes,
        },
        files={"policy-report.html": page(content).encode()},
    )
