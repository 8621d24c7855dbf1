"""The rules: whether the files can take effect, whether they have, and whether anybody reviews them."""

from __future__ import annotations

from collections.abc import Iterator

from gatehouse.clock import as_iso
from gatehouse.errors import GatehouseError
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.subject import Subject
from gatehouse.policy import load_directory, read_domain
from gatehouse.policy.errors import PolicyInvalid, counted
from gatehouse.policy.status import DIRECTORY, read_status


def look(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    directory = settings.path(settings.policy.directory)
    try:
        domain = read_domain(settings.path("domain.yml"))
        policies = load_directory(directory, domain, settings.policy.time_zone)
    except PolicyInvalid as invalid:
        mistakes = counted(len(invalid.problems), "mistake")
        older = read_status(settings.path(DIRECTORY)) is not None
        what = f"the policy files have {mistakes}" + (
            "; older rules stay in force" if older else ""
        )
        yield bad("policies.mistakes", what, "gatehouse policy check")
        return
    except GatehouseError as error:
        yield bad("policies.unreadable", error.message.splitlines()[0], "gatehouse policy check")
        return
    number = len(policies.rules)
    yield good("policies.valid", f"the policy files are valid: {number} rules")
    yield from _in_force(subject, policies.revision)
    if subject.production and not settings.policy.four_eyes:
        what = "one person alone can open something with an edit"
        yield advice("policies.two_eyes", what, setting("policy.four_eyes", "true"))


def _in_force(subject: Subject, offered: str) -> Iterator[Finding]:
    told = read_status(subject.settings.path(DIRECTORY))
    if told is None:
        return  # no server has run yet
    since = as_iso(told.at)
    if told.in_force == offered:
        yield good("policies.in_force", f"the files are in force since {since}")
    elif told.offered == offered and told.waits:
        what = f"an edit of the files ({told.waits}) waits for a second person since {since}"
        yield advice("policies.waiting", what, "gatehouse policy status")
    else:
        what = f"other rules than those of the files are in force, since {since}"
        yield advice("policies.not_in_force", what, "gatehouse policy status")
