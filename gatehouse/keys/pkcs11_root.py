"""Roots in a hardware module, through PKCS#11 (OASIS PKCS #11 v2.40, v3.1) and `python-pkcs11`.

Each generation is an AES-256 key made in the module, sensitive and never extractable; wrapping is
CKM_AES_GCM inside the module. A token that is away must never pass for one whose root was
destroyed: some modules then answer "no such key", so that answer counts only while the token
shows other roots. A PIN that was refused is not tried again, because tokens lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gatehouse.keys.errors import (
    EnvelopeError,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
)
from gatehouse.keys.extras import Secret, library

T = TypeVar("T")

_NONCE: Final = 12
_TAG_BITS: Final = 128
_KEY_BITS: Final = 256


class Pkcs11Root:
    """Generations as keys `<namespace>-<handle>` in the token called `token` of `module`."""

    kind = "pkcs11"
    local = False  # a module may be a network away, and hang

    def __init__(self, module: str, token: str, pin: Secret, namespace: str) -> None:
        """Raises `NotReady` when python-pkcs11 is not installed; asks the module for nothing."""
        self._pkcs11 = library("pkcs11", "pkcs11")
        self._params = library("pkcs11.mechanisms", "pkcs11").GCMParams
        self._module = module
        self._token = token
        self._pin = pin
        self._prefix = f"{namespace}-"
        self._session: Any = None
        self._stale = False
        self._process = os.getpid()
        self._refused_pin = b""
        self._lock = threading.Lock()

    def create(self, handle: str) -> None:
        names = self._pkcs11.Attribute

        def make(session: Any) -> None:
            for half_made in self._objects(session, handle):  # by an attempt that was cut off
                half_made.destroy()
            key = session.generate_key(
                self._pkcs11.KeyType.AES,
                _KEY_BITS,
                id=bytes.fromhex(handle),
                label=self._prefix + handle,
                store=True,
                capabilities=self._pkcs11.MechanismFlag.ENCRYPT
                | self._pkcs11.MechanismFlag.DECRYPT,
                template={
                    names.SENSITIVE: True,
                    names.EXTRACTABLE: False,
                    names.PRIVATE: True,
                    names.MODIFIABLE: False,
                },
            )
            if not (key[names.ALWAYS_SENSITIVE] and key[names.NEVER_EXTRACTABLE]):
                key.destroy()
                raise KeyRingNotReady(
                    "the module made a key that can be taken out of it; it was destroyed again",
                    "use a module that honours CKA_EXTRACTABLE",
                )

        self._ask(make)

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        return self._ask(lambda session: self._encrypt(session, handle, secret, associated))

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        def decrypt(session: Any) -> bytes:
            key = self._key(session, handle)
            nonce, sealed = wrapped[:_NONCE], wrapped[_NONCE:]
            if len(sealed) * 8 <= _TAG_BITS:
                raise EnvelopeError("a wrapped secret is too short")
            params = self._params(nonce, associated, _TAG_BITS)
            mechanism = self._pkcs11.Mechanism.AES_GCM
            try:
                return bytes(key.decrypt(sealed, mechanism=mechanism, mechanism_param=params))
            except self._pkcs11.PKCS11Error:
                # Modules answer a wrong tag with all sorts of errors. One that still works with
                # this key has refused the wrapped secret; any other is in trouble itself.
                self._encrypt(session, handle, b"probe", b"probe")
                raise EnvelopeError("a wrapped secret does not open under its root") from None

        return self._ask(decrypt)

    def destroy(self, handle: str) -> None:
        def end(session: Any) -> None:
            found = self._objects(session, handle)
            for key in found:
                key.destroy()
            if not found:  # destroyed already, or nothing can be seen
                with contextlib.suppress(RootMissing):
                    self._key(session, handle)

        self._ask(end)

    def irreversible_at(self, destroyed_at: float) -> float:
        return destroyed_at

    def handles(self) -> frozenset[str]:
        return self._ask(self._handles)

    def _objects(self, session: Any, handle: str) -> list[Any]:
        names = self._pkcs11.Attribute
        wanted = {names.CLASS: self._pkcs11.ObjectClass.SECRET_KEY}
        return list(session.get_objects({**wanted, names.LABEL: self._prefix + handle}))

    def _handles(self, session: Any) -> frozenset[str]:
        names = self._pkcs11.Attribute
        objects = session.get_objects({names.CLASS: self._pkcs11.ObjectClass.SECRET_KEY})
        labels = [str(found.label or "") for found in objects]
        return frozenset(
            label.removeprefix(self._prefix) for label in labels if label.startswith(self._prefix)
        )

    def _key(self, session: Any, handle: str) -> Any:
        try:
            return session.get_key(
                object_class=self._pkcs11.ObjectClass.SECRET_KEY, label=self._prefix + handle
            )
        except self._pkcs11.NoSuchKey:
            pass
        if not self._handles(session):
            raise KeyRingUnavailable(
                "the token shows no key root at all",
                "is it the right token, and is the module connected?",
            )
        raise RootMissing(
            "the key root of this key ring is not in the token",
            "if the ring was restored from an old copy, put the present one back: "
            "the root of an old copy was destroyed on purpose",
        )

    def _encrypt(self, session: Any, handle: str, secret: bytes, associated: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        sealed = self._key(session, handle).encrypt(
            secret,
            mechanism=self._pkcs11.Mechanism.AES_GCM,
            mechanism_param=self._params(nonce, associated, _TAG_BITS),
        )
        return nonce + bytes(sealed)

    def _ask(self, work: Callable[[Any], T]) -> T:
        """`work` in a session; once more in a new one when the old one was lost."""
        with self._lock:
            had_session = self._session is not None and self._process == os.getpid()
            try:
                return work(self._open())
            except (self._pkcs11.PKCS11Error, KeyRingUnavailable) as error:
                self._forget()
                if not had_session:
                    raise self._unavailable(error) from error
            try:
                return work(self._open())
            except (self._pkcs11.PKCS11Error, KeyRingUnavailable) as error:
                self._forget()
                raise self._unavailable(error) from error

    def _open(self) -> Any:
        if self._session is not None and self._process == os.getpid():
            return self._session
        module = self._pkcs11.lib(self._module)
        if self._stale or self._process != os.getpid():
            module.reinitialize()  # a module that was away, or a process that was forked
        self._stale, self._process = False, os.getpid()
        token = module.get_token(token_label=self._token)
        pin = self._pin()
        digest = hashlib.sha256(pin.encode()).digest()
        if digest == self._refused_pin:
            raise KeyRingNotReady(
                "the token refused the PIN; it is not tried again", "put the right PIN in place"
            )
        try:
            self._session = token.open(rw=True, user_pin=pin)
        except self._pkcs11.UserAlreadyLoggedIn:  # by another session of this process
            self._session = token.open(rw=True)
        except (self._pkcs11.PinIncorrect, self._pkcs11.PinLocked, self._pkcs11.PinLenRange):
            self._refused_pin = digest
            raise KeyRingNotReady(
                "the token refused the PIN", "put the right PIN in place; tokens lock after a few"
            ) from None
        return self._session

    def _forget(self) -> None:
        session, self._session, self._stale = self._session, None, True
        if session is not None:
            with contextlib.suppress(self._pkcs11.PKCS11Error):  # it may be gone already
                session.close()

    def _unavailable(self, error: Exception) -> KeyRingUnavailable:
        if isinstance(error, KeyRingUnavailable):
            return error
        return KeyRingUnavailable(
            f"the hardware module does not do its work ({type(error).__name__})",
            "check keys.pkcs11_module, keys.pkcs11_token and that the module is connected",
        )
