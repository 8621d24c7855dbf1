"""The policy language: read, check, compile, decide, explain, test and reload.

Compliance staff write rules in `policies/*.yml`; this package turns them into decisions. It knows
nothing of the framework and reads no message. Everything fails closed.
"""

from gatehouse.policy.change import Change
from gatehouse.policy.domain import Domain, read_domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Position, Problem
from gatehouse.policy.loader import PolicyTestsFailed, load_directory
from gatehouse.policy.model import Decision, IntentInfo, Principal, Request, Stage, StepUpTerms
from gatehouse.policy.store import PolicyStore

__all__ = [
    "Change",
    "Decision",
    "Domain",
    "IntentInfo",
    "PolicyInvalid",
    "PolicySet",
    "PolicyStore",
    "PolicyTestsFailed",
    "Position",
    "Principal",
    "Problem",
    "Request",
    "Stage",
    "StepUpTerms",
    "load_directory",
    "read_domain",
]
