"""Which files of a deployment hold a secret, by the setting that names each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from gatehouse.ops.doctor.subject import Subject
from gatehouse.settings.loading import SECTIONS

_NO_SECRET = {"passwords.breached_file", "audit.witness_file", "keys.vault_ca_file"}


def secret_files(subject: Subject) -> dict[str, Path]:
    """The files that settings call `…_file`, and those of private keys and of webhooks."""
    settings = subject.settings
    found = {}
    for section in SECTIONS:
        values = getattr(settings, section)
        for item in fields(values):
            key, named = f"{section}.{item.name}", getattr(values, item.name)
            if item.name.endswith("_file") and key not in _NO_SECRET and named:
                found[key] = settings.path(named)
    if settings.tls.key:
        found["tls.key"] = settings.path(settings.tls.key)
    for number, path in enumerate(_of_webhooks(settings.path(settings.webhooks.file))):
        found[f"webhooks {number}"] = path
    return found


def _of_webhooks(file: Path) -> Iterator[Path]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    for section in document.values():
        for endpoint in section.values() if isinstance(section, dict) else ():
            named = endpoint.get("secrets", ()) if isinstance(endpoint, dict) else ()
            yield from (file.parent / one for one in named if isinstance(one, str))
