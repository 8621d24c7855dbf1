"""Opens a deployment: makes each service and gives it the others that it needs.

The only module that knows every package. It must never make what is missing without being asked:
keys are made by `gatehouse init`, and a lost database is said to be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from gatehouse.approval import ApprovalStore, Approver
from gatehouse.approval.report import report
from gatehouse.audit import AuditLog, ring_names
from gatehouse.audit.deployment import open_checkpointer, open_log
from gatehouse.clock import Clock, SystemClock
from gatehouse.db import open_engine, require_not_lost
from gatehouse.identity import Directory, Issuer, RotatingKeys, Sessions, Verifier
from gatehouse.identity.assertions import LIFETIME, SKEW
from gatehouse.identity.breached import BreachedList
from gatehouse.identity.calls import WINDOW
from gatehouse.identity.devices import Devices
from gatehouse.identity.exports import Exports
from gatehouse.identity.front_ends import FrontEnds
from gatehouse.keys import KeyRing, open_ring
from gatehouse.migrations import upgrade
from gatehouse.policy import Change, PolicyStore, read_domain, status
from gatehouse.runtime.services import Runtime
from gatehouse.settings import Settings, load_settings
from gatehouse.state import ConversationState
from gatehouse.stepup import StepUp
from gatehouse.stepup.assembly import assemble, passkey_site
from gatehouse.stepup.carriers import SYSTEM as TEXTS
from gatehouse.stepup.mailing import mailer_of
from gatehouse.tracker import Conversations
from gatehouse.tracker.holds import Holds
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.purges import Purges
from gatehouse.tracker.receipts import Receipts
from gatehouse.tracker.rights import Rights
from gatehouse.tracker.traces import PersonTraces
from gatehouse.webhooks import Outgoing, Receiver, read_endpoints

if TYPE_CHECKING:
    from gatehouse.identity.provider.service import ProviderSignIn


def open_runtime(
    home: Path,
    clock: Clock | None = None,
    *,
    serving: bool = False,
    ring: KeyRing | None = None,
) -> Runtime:
    """Open the deployment in `home`; raises `GatehouseError` when something is missing or wrong.

    `ring` replaces the key ring of the settings, for a throw-away copy of a deployment.

    A process that is `serving` people records the policies that it starts with; a command that looks at the log or adds a person decides nothing and records none.
    """
    settings = load_settings(home)
    clock = clock or SystemClock()
    ring = ring or open_ring(settings, clock)
    require_not_lost(
        settings.database_url(settings.database), settings.database_url(settings.audit)
    )
    engine = open_engine(settings.database_url(settings.database))
    upgrade(engine)
    audit = open_log(settings, clock, ring)
    checkpoints = open_checkpointer(settings, clock, ring, audit)
    if serving:
        checkpoints.require_whole()
    endpoints = read_endpoints(settings.path(settings.webhooks.file))
    outgoing = Outgoing(endpoints.outgoing, clock)
    asked: list[PolicyStore] = []  # the policies come later: those who approve edits use step-up
    factors = assemble(
        engine,
        clock,
        settings.step_up,
        ring.service_key,
        audit.append,
        site=passkey_site(settings),
        mail=mailer_of(settings, clock),
        mail_domains=settings.mail.domains,
        texts=outgoing if outgoing.knows(TEXTS) else None,
        levels_asked=lambda: _levels_asked(asked),
    )
    step_up = factors.step_up
    approver = _approver(settings, clock, ring, engine, step_up, audit)
    approvals = ApprovalStore(
        engine, clock, ring.service_key("policy-approval"), audit, approver.name_of
    )
    policies = _policies(settings, clock, ring, audit, approvals, serving=serving)
    asked.append(policies)
    roles = policies.current().roles
    period = settings.keys.signing
    assertion_keys = RotatingKeys(ring, clock, "assertion signing", period, LIFETIME + 2 * SKEW)
    directory = _directory(settings, clock, engine, ring, roles)
    sessions = Sessions(engine, clock, settings.session, ring.service_key("sessions"))
    provider = _provider(settings, clock, engine, ring, directory, audit)
    front_ends = FrontEnds(engine, clock, ring.service_key("front-ends"))
    exports, receipts = Exports(clock), Receipts(ring.service_key("receipts"))
    holds = Holds(engine, ring, clock, ring.service_key("legal-holds"), audit)
    traces = PersonTraces(audit, sessions, step_up, exports, receipts, ring_names, holds.disclosed)
    conversations = Conversations(
        engine,
        ring,
        clock,
        settings.retention,
        audit,
        lambda intent: policies.current().retention_of(intent),
        traces,
    )
    return Runtime(
        settings=settings,
        clock=clock,
        engine=engine,
        ring=ring,
        audit=audit,
        checkpoints=checkpoints,
        directory=directory,
        devices=Devices(clock, ring.service_key("devices")),
        sessions=sessions,
        provider=provider,
        front_ends=front_ends,
        issuer=Issuer(assertion_keys, clock),
        verifier=Verifier(assertion_keys, clock, roles=roles),
        assertion_keys=assertion_keys,
        call_keys=RotatingKeys(ring, clock, "action calls", period, 2 * WINDOW),
        factors=factors,
        totp=factors.totp,
        recovery=factors.recovery,
        notices=factors.notices,
        own_factors=factors.own_factors,
        step_up=step_up,
        policies=policies,
        approvals=approvals,
        approver=approver,
        conversations=conversations,
        exports=exports,
        state=ConversationState(engine, _conversation_keys(ring), clock, audit),
        receipts=receipts,
        holds=holds,
        rights=Rights(directory, sessions, factors.totp, conversations, holds, front_ends, clock),
        purges=Purges(clock.now()),
        outgoing=outgoing,
        receiver=Receiver(endpoints.incoming, engine, clock),
    )


def _directory(
    settings: Settings, clock: Clock, engine: Engine, ring: KeyRing, roles: frozenset[str]
) -> Directory:
    rules = settings.passwords
    file = rules.breached_file
    breached = BreachedList(settings.path(file)).contains if file else None
    key = ring.service_key("directory")
    return Directory(engine, clock, key=key, roles=roles, words=rules.words, breached=breached)


def _provider(
    settings: Settings,
    clock: Clock,
    engine: Engine,
    ring: KeyRing,
    directory: Directory,
    audit: AuditLog,
) -> ProviderSignIn | None:
    """The provider of sign-in, if there is one; only then is its library imported."""
    if not settings.provider.issuer:
        return None
    from gatehouse.identity.provider.service import open_provider

    key = ring.service_key("provider")
    return open_provider(settings, clock, engine, key, directory, audit.append)


def _levels_asked(policies: list[PolicyStore]) -> frozenset[str]:
    """Every level of assurance that some rule asks for."""
    rules = policies[0].current().rules if policies else ()
    return frozenset(rule.step_up.level for rule in rules if rule.step_up)


def _approver(
    settings: Settings,
    clock: Clock,
    ring: KeyRing,
    engine: Engine,
    step_up: StepUp,
    audit: AuditLog,
) -> Approver:
    # A directory that knows this role only: the roles of the policies are not established yet.
    role = settings.policy.approver_role
    key = ring.service_key("directory")
    return Approver(
        lambda: Directory(engine, clock, key=key, roles=frozenset({role})),
        step_up,
        role,
        audit.append,
    )


def _conversation_keys(ring: KeyRing) -> Callable[[str], bytes | None]:
    names = Pseudonyms(ring)

    def key_of(conversation_id: str) -> bytes | None:
        entry = ring.lookup(names.ring_name(conversation_id))
        return None if entry is None else entry.key

    return key_of


def _policies(
    settings: Settings,
    clock: Clock,
    ring: KeyRing,
    audit: AuditLog,
    approvals: ApprovalStore,
    *,
    serving: bool,
) -> PolicyStore:
    """The policies of this deployment; only a process that serves keeps, records and judges edits."""
    domain = read_domain(settings.path("domain.yml"))
    state = settings.path(status.DIRECTORY)
    four_eyes = settings.policy.four_eyes
    if serving and not four_eyes and approvals.forget():
        audit.append("administration", operation="policy.four_eyes_off")

    def record(change: Change) -> None:
        if change.previous is None and not serving:
            return
        report(audit, change)
        mistakes = 0 if change.accepted else len(change.problems)
        told = status.status_of(
            domain, change.revision, change.offered, change.waits, mistakes, change.at
        )
        status.write_status(state, told)

    return PolicyStore(
        settings.path(settings.policy.directory),
        domain,
        clock,
        state,
        ring.service_key("policy-last-good"),
        record,
        zone=settings.policy.time_zone,
        approvals=approvals if serving and four_eyes else None,
        keeps=serving,
    )
