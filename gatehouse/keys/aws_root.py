"""Roots in AWS KMS, through boto3: one symmetric KMS key per generation, called by an alias.

KMS deletes late: a destroyed root is unusable at once, but an administrator of the account can
cancel its deletion for 7 to 30 days, so a destruction is irreversible only after that, and is
reported so. Nothing here holds credentials; they come from the usual chain of AWS. Errors carry
the code of KMS and never its text, a request or a secret.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gatehouse.keys.errors import (
    EnvelopeError,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
)
from gatehouse.keys.extras import library

T = TypeVar("T")

_DAY: Final = 86_400
# A new key may be unknown to a part of KMS for a moment ("eventual consistency").
_SETTLING: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
_REFUSED: Final = frozenset(
    {"AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
     "IncompleteSignature", "ExpiredTokenException", "InvalidSignatureException"}
)  # fmt: skip
_ALTERED: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class AwsKmsRoot:
    """Generations as KMS keys with the alias `alias/<namespace>/<handle>`."""

    kind = "aws-kms"
    local = False

    def __init__(self, region: str, endpoint: str, namespace: str, deletion_days: int) -> None:
        """Raises `NotReady` when boto3 is not installed; asks KMS for nothing."""
        self._errors = library("botocore.exceptions", "aws")
        config = library("botocore.config", "aws").Config(
            connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
        )
        try:
            self._kms = library("boto3", "aws").session.Session().client(
                "kms", region_name=region or None, endpoint_url=endpoint or None, config=config
            )  # fmt: skip
        except (self._errors.BotoCoreError, ValueError) as error:
            raise KeyRingNotReady(
                f"AWS KMS cannot be used ({type(error).__name__})", "set keys.aws_region"
            ) from error
        self._namespace = namespace
        self._prefix = f"alias/{namespace}/"
        self._days = deletion_days
        self._new: dict[str, str] = {}  # a new alias takes longer to settle than a new key

    def create(self, handle: str) -> None:
        made = self._ask(
            self._kms.create_key,
            Description="Root of a Gatehouse key ring",
            KeySpec="SYMMETRIC_DEFAULT",
            KeyUsage="ENCRYPT_DECRYPT",
            Tags=[
                {"TagKey": "gatehouse", "TagValue": self._namespace},
                {"TagKey": "gatehouse-root", "TagValue": handle},
            ],
        )
        key = made["KeyMetadata"]["KeyId"]
        try:
            self._ask(
                self._kms.create_alias, AliasName=self._prefix + handle, TargetKeyId=key,
                settle=True,
            )  # fmt: skip
        except BaseException:  # also Ctrl-C: nobody would know of this key
            self._schedule(key)  # it wraps nothing and could not be found again
            raise
        self._new = {handle: key}

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        answer = self._ask(
            self._kms.encrypt,
            KeyId=self._new.get(handle, self._prefix + handle),
            Plaintext=secret,
            EncryptionContext=_context(associated),
            settle=handle in self._new,
        )
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        answer = self._ask(
            self._kms.decrypt,
            KeyId=self._new.get(handle, self._prefix + handle),
            CiphertextBlob=wrapped,
            EncryptionContext=_context(associated),
        )
        return bytes(answer["Plaintext"])

    def destroy(self, handle: str) -> None:
        try:
            found = self._ask(self._kms.describe_key, KeyId=self._prefix + handle)
        except RootMissing:
            return
        self._schedule(found["KeyMetadata"]["KeyId"])
        try:
            self._ask(self._kms.delete_alias, AliasName=self._prefix + handle)
        except RootMissing:
            return
        finally:
            self._new.pop(handle, None)

    def irreversible_at(self, destroyed_at: float) -> float:
        return destroyed_at + self._days * _DAY

    def handles(self) -> frozenset[str]:
        def collect() -> frozenset[str]:
            pages = self._kms.get_paginator("list_aliases").paginate()
            names = [alias["AliasName"] for page in pages for alias in page["Aliases"]]
            return frozenset(
                name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)
            )

        return self._ask(collect)

    def _schedule(self, key: str) -> None:
        try:
            self._ask(self._kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=self._days)
        except RootMissing:
            return  # scheduled by an earlier attempt

    def _ask(self, call: Callable[..., T], *, settle: bool = False, **given: Any) -> T:
        pauses = list(_SETTLING) if settle else []
        while True:
            try:
                return call(**given)
            except self._errors.ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", ""))
                if code == "NotFoundException" and pauses:
                    time.sleep(pauses.pop(0))
                    continue
                raise self._translated(code, given.get("KeyId")) from error
            except self._errors.BotoCoreError as error:
                raise KeyRingUnavailable(
                    f"AWS KMS does not answer ({type(error).__name__})",
                    "check the network, keys.aws_region and the credentials of this process",
                ) from error

    def _translated(self, code: str, key: str | None) -> Exception:
        if code in _ALTERED:
            return EnvelopeError("a wrapped secret does not open under its root")
        if code == "NotFoundException" or (
            code == "KMSInvalidStateException" and key is not None and self._is_ending(key)
        ):
            return RootMissing(
                "the key root of this key ring is not in AWS KMS, or is about to be deleted there",
                "if the ring was restored from an old copy, put the present one back: "
                "the root of an old copy was destroyed on purpose",
                "a root that was deleted by mistake can be saved in time: "
                "aws kms cancel-key-deletion, then enable-key",
            )
        if code in _REFUSED:
            return KeyRingNotReady(
                f"AWS KMS refuses this process ({code})",
                "it needs kms:CreateKey, TagResource, CreateAlias, DeleteAlias, ListAliases, "
                "DescribeKey, Encrypt, Decrypt and ScheduleKeyDeletion",
            )
        return KeyRingUnavailable(
            f"AWS KMS does not do its work now ({code})", "it is tried again by itself"
        )

    def _is_ending(self, key: str) -> bool:
        """Whether a key that KMS will not use is on its way out, rather than disabled."""
        try:
            state = self._kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
        except (self._errors.ClientError, self._errors.BotoCoreError):
            return False
        return str(state) == "PendingDeletion"


def _context(associated: bytes) -> dict[str, str]:
    """An encryption context: KMS authenticates it and writes it into its log, so it is hashed."""
    digest = hashlib.sha256(associated).digest()
    return {"gatehouse": base64.b64encode(digest).decode()}
