"""The ring and the root that the settings of a deployment name.

The only place that knows which adapter belongs to which setting. An adapter whose library is not
installed must say so in one clear error, and nothing here may fall back to another root or home.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from gatehouse.clock import Clock
from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput
from gatehouse.keys.envelope import write_with
from gatehouse.keys.errors import KeyRingNotReady
from gatehouse.keys.extras import Secret, secret_from
from gatehouse.keys.homes import RING_FILE, FileHome, Home, TableHome, make_private
from gatehouse.keys.mirror import Following, Mirror
from gatehouse.keys.ring import KeyRing
from gatehouse.keys.roots import FileRoot, Root
from gatehouse.keys.status import RingStatus
from gatehouse.settings import Settings


def ring_is_made(settings: Settings) -> bool:
    """Whether the deployment has a key ring."""
    return open_home(settings).is_made()


def make_ring(settings: Settings, clock: Clock) -> None:
    """A new ring with its first root, and its first mirror when one is set.

    Raises `AlreadyInitialised` and what `open_ring` raises.
    """
    write_with(settings.keys.suite)
    make_private(settings.path(settings.keys.directory))
    root = open_root(settings)
    home = open_home(settings)
    home.make(root, clock.now())
    mirror = open_mirror(settings, home, root, clock)
    if mirror is not None:
        mirror.make()


def open_ring(settings: Settings, clock: Clock) -> KeyRing:
    """The ring of the deployment, settled, followed by its mirror when one is set.

    Raises `KeyRingNotReady`, `RootMissing`, `KeyRingDamaged`, `KeyRingUnavailable`,
    `InvalidInput`.
    """
    write_with(settings.keys.suite)
    root = open_root(settings)
    home = open_home(settings)
    mirror = open_mirror(settings, home, root, clock)
    ring = KeyRing(
        home.shelf(root),
        root,
        clock,
        follower=None if mirror is None else Following(mirror),
        expiry_every=settings.keys.expiry_every,
        root_copies_kept=settings.keys.root_copies_kept,
    )
    ring.settle()
    return ring


def look_at_ring(settings: Settings, clock: Clock) -> RingStatus:
    """The status of the ring and its mirror, without changing or settling anything.

    Raises like `open_ring`.
    """
    with ring_to_look_at(settings, clock) as ring:
        return _with_mirror(settings, ring, clock)


@contextmanager
def ring_to_look_at(settings: Settings, clock: Clock) -> Iterator[KeyRing]:
    """The ring for reading alone; one in a file is a private copy, which the root opens.

    Raises like `open_ring`.
    """
    root = open_root(settings)
    if settings.keys.home != "file":
        yield KeyRing(open_home(settings).shelf(root), root, clock)
        return
    directory = settings.path(settings.keys.directory)
    if not FileHome(directory).is_made():
        raise KeyRingNotReady("there is no key ring yet", "run `gatehouse init`")
    with KeyRing.open_copy(directory / RING_FILE, directory, clock, lambda _: root) as ring:
        yield ring


def _with_mirror(settings: Settings, ring: KeyRing, clock: Clock) -> RingStatus:
    status, shelf = ring.status(), ring.shelf
    if not settings.keys.mirror:
        return status
    mirror, home = settings.path(settings.keys.mirror), settings.path(settings.keys.directory)
    state = Mirror(mirror, shelf, clock).state()
    if settings.keys.home == "file" and mirror.exists():
        state = replace(state, same_volume=mirror.stat().st_dev == home.stat().st_dev)
    return replace(status, mirror=state)


def open_home(settings: Settings) -> Home:
    """Where the ring lives."""
    if settings.keys.home == "file":
        return FileHome(settings.path(settings.keys.directory))
    own = settings.keys.url or settings.keys.url_file
    url = settings.database_url(settings.keys if own else settings.database)
    if not url.startswith("postgresql"):
        raise InvalidInput(
            'keys.home = "database" needs PostgreSQL',
            "set keys.url or database.url to a PostgreSQL database, or keys.home to file",
        )
    return TableHome(open_engine(url))


def open_mirror(settings: Settings, home: Home, root: Root, clock: Clock) -> Mirror | None:
    """The mirror that the settings name; None when they name none."""
    if not settings.keys.mirror:
        return None
    directory = settings.path(settings.keys.mirror)
    if directory == settings.path(settings.keys.directory):
        raise InvalidInput(
            "keys.mirror: must not be the directory of the keys", "name one on another volume"
        )
    return Mirror(directory, home.shelf(root), clock)


def open_root(settings: Settings) -> Root:
    """The adapter that `keys.root` names, imported only then.

    Raises `NotReady` when its library is not installed, `InvalidInput` when a setting is missing.
    """
    keys = settings.keys
    if keys.root == "file":
        return FileRoot(settings.path(keys.directory))
    if not _NAMESPACE.fullmatch(keys.namespace):
        raise InvalidInput(
            f"keys.namespace: {keys.namespace!r} is not allowed", "letters, digits and hyphens"
        )
    if keys.root == "pkcs11":
        from gatehouse.keys.pkcs11_root import Pkcs11Root

        _require(settings, "pkcs11_module", "pkcs11_token")
        return Pkcs11Root(
            keys.pkcs11_module,
            keys.pkcs11_token,
            _secret(settings, keys.pkcs11_pin_file, "GATEHOUSE_KEYS_PKCS11_PIN", "PIN"),
            keys.namespace,
        )
    if keys.root == "aws-kms":
        from gatehouse.keys.aws_root import AwsKmsRoot

        return AwsKmsRoot(
            keys.aws_region, keys.aws_endpoint, keys.namespace, keys.aws_deletion_days
        )
    from gatehouse.keys.vault_root import VaultRoot

    _require(settings, "vault_address")
    return VaultRoot(
        keys.vault_address,
        keys.vault_mount,
        _secret(settings, keys.vault_token_file, "GATEHOUSE_KEYS_VAULT_TOKEN", "token"),
        keys.namespace,
        vault_namespace=keys.vault_namespace,
        ca_file=str(settings.path(keys.vault_ca_file)) if keys.vault_ca_file else "",
    )


_NAMESPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def _require(settings: Settings, *names: str) -> None:
    for name in names:
        if not getattr(settings.keys, name):
            raise InvalidInput(f"keys.{name} is not set", f'keys.root = "{settings.keys.root}"')


def _secret(settings: Settings, file: str, variable: str, what: str) -> Secret:
    return secret_from(settings.path(file) if file else None, variable, what)
