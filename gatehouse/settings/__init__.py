"""Every setting of Gatehouse, in one place: what there is, how it is written, where it is read."""

from gatehouse.settings.backup import Backup
from gatehouse.settings.front_ends import FrontEnds
from gatehouse.settings.loading import SECTIONS, Settings, differing, load_settings, sources
from gatehouse.settings.mail import Mail
from gatehouse.settings.passwords import Passwords
from gatehouse.settings.provider import Provider
from gatehouse.settings.sections import (
    Audit,
    Database,
    Keys,
    Limits,
    Logs,
    Metrics,
    Policy,
    Records,
    Retention,
    Server,
    Session,
    StepUp,
    Tls,
    Webhooks,
)
from gatehouse.settings.values import parse_duration

__all__ = [
    "SECTIONS",
    "Audit",
    "Backup",
    "Database",
    "FrontEnds",
    "Keys",
    "Limits",
    "Logs",
    "Mail",
    "Metrics",
    "Passwords",
    "Policy",
    "Provider",
    "Records",
    "Retention",
    "Server",
    "Session",
    "Settings",
    "StepUp",
    "Tls",
    "Webhooks",
    "differing",
    "load_settings",
    "parse_duration",
    "sources",
]
