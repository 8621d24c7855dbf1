"""Roots in the Transit engine of HashiCorp Vault or OpenBao, through hvac.

One AES-256-GCM key per generation that can be neither exported nor backed up in clear. Deletion
is at once in the running service; a snapshot of the service brings a key back, so its life has to
be said in `keys.root_copies_kept`. Transit makes a missing key when it is asked to encrypt, so
nothing is encrypted here before the key was seen.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from gatehouse.errors import InvalidInput
from gatehouse.keys.errors import (
    EnvelopeError,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
)
from gatehouse.keys.extras import Secret, library

T = TypeVar("T")

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT: Final = 5


class VaultRoot:
    """Generations as Transit keys `<namespace>-<handle>` below `mount`."""

    kind = "vault"
    local = False

    def __init__(
        self, address: str, mount: str, token: Secret, namespace: str,
        *, vault_namespace: str = "", ca_file: str = "",
    ) -> None:  # fmt: skip
        """Raises `NotReady` when hvac is not installed, `InvalidInput` for an address in clear."""
        hvac = library("hvac", "vault")
        self._errors = library("hvac.exceptions", "vault")
        self._network = library("requests.exceptions", "vault")
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise InvalidInput(
                "keys.vault_address: must be https, or http on this machine only",
                "such as https://vault.example.org:8200",
            )
        self._client = hvac.Client(
            url=address, namespace=vault_namespace or None, verify=ca_file or True,
            timeout=_TIMEOUT, allow_redirects=False, strict_http=True,
        )  # fmt: skip
        self._token = token
        self._mount = mount
        self._prefix = f"{namespace}-"

    def create(self, handle: str) -> None:
        self._ask(
            lambda transit: transit.create_key(
                name=self._prefix + handle, key_type="aes256-gcm96", exportable=False,
                allow_plaintext_backup=False, derived=False, mount_point=self._mount,
            )
        )  # fmt: skip

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        def encrypt(transit: Any) -> str:
            self._require(transit, handle)
            answer = transit.encrypt_data(
                name=self._prefix + handle, plaintext=_text(secret),
                associated_data=_text(associated), mount_point=self._mount,
            )  # fmt: skip
            return str(answer["data"]["ciphertext"])

        return self._ask(encrypt).encode()

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        def decrypt(transit: Any) -> str:
            self._require(transit, handle)
            try:
                answer = transit.decrypt_data(
                    name=self._prefix + handle, ciphertext=wrapped.decode("ascii", "replace"),
                    associated_data=_text(associated), mount_point=self._mount,
                )  # fmt: skip
            except self._errors.InvalidRequest:
                raise EnvelopeError("a wrapped secret does not open under its root") from None
            return str(answer["data"]["plaintext"])

        return base64.b64decode(self._ask(decrypt), validate=True)

    def destroy(self, handle: str) -> None:
        name = self._prefix + handle

        def end(transit: Any) -> None:
            try:
                self._require(transit, handle)
            except RootMissing:
                return
            transit.update_key_configuration(
                name=name, deletion_allowed=True, mount_point=self._mount
            )
            transit.delete_key(name=name, mount_point=self._mount)

        self._ask(end)

    def irreversible_at(self, destroyed_at: float) -> float:
        return destroyed_at

    def handles(self) -> frozenset[str]:
        def collect(transit: Any) -> frozenset[str]:
            try:
                names = transit.list_keys(mount_point=self._mount)["data"]["keys"]
            except self._errors.InvalidPath:
                return frozenset()  # there is none
            return frozenset(
                str(name).removeprefix(self._prefix)
                for name in names
                if str(name).startswith(self._prefix)
            )

        return self._ask(collect)

    def _require(self, transit: Any, handle: str) -> None:
        try:
            key = transit.read_key(name=self._prefix + handle, mount_point=self._mount)["data"]
        except self._errors.InvalidPath:
            raise RootMissing(
                "the key root of this key ring is not in Transit",
                "if the ring was restored from an old copy, put the present one back: "
                "the root of an old copy was destroyed on purpose",
            ) from None
        if key.get("exportable") or key.get("allow_plaintext_backup"):
            raise KeyRingNotReady(
                "the key root in Transit can be exported; it is not used",
                "find out who changed it, then rotate",
            )

    def _ask(self, work: Callable[[Any], T]) -> T:
        self._client.token = self._token()
        try:
            return work(self._client.secrets.transit)
        except (self._errors.Forbidden, self._errors.Unauthorized) as error:
            raise KeyRingNotReady(
                "Vault refuses the token of this process",
                f"it needs create, read, update, delete and list below {self._mount}/",
            ) from error
        except self._errors.VaultError as error:
            raise KeyRingUnavailable(
                f"Vault does not do its work now ({type(error).__name__})",
                "is it sealed, or is keys.vault_mount not where Transit is?",
            ) from error
        except self._network.RequestException as error:
            raise KeyRingUnavailable(
                f"Vault does not answer ({type(error).__name__})", "check keys.vault_address"
            ) from error
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise KeyRingUnavailable(
                "what answers at keys.vault_address does not speak as Vault does"
            ) from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
