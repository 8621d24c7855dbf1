"""A bucket of S3 or of a service that speaks its interface, through boto3.

Objects are whole by nature; large ones go up in parts and are given up when something fails.
Nothing here holds credentials, they come from the usual chain of AWS. Errors carry the code of the
service and never its text. Let the bucket keep old versions for as long as you may keep a backup:
who breaks in here can delete what this process can delete.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from gatehouse.backup.errors import TargetUnavailable
from gatehouse.backup.sealing import Readable, Writable
from gatehouse.errors import InvalidInput, NotReady

_PART: Final = 8 << 20  # bytes; S3 takes 5 MiB at least and 10 000 parts at most
_ABSENT: Final = frozenset({"NoSuchKey", "404"})


class S3Target:
    """The objects of `bucket` whose names begin with `prefix`."""

    volume: int | None = None

    def __init__(self, bucket: str, prefix: str, region: str, endpoint: str) -> None:
        """Raises `NotReady` when boto3 is not installed; asks the service for nothing."""
        if endpoint.startswith("http://") and not _is_loopback(endpoint):
            raise InvalidInput("backup.s3_endpoint: has to be https")
        self._errors = _library("botocore.exceptions")
        config = _library("botocore.config").Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        try:
            self._s3 = _library("boto3").session.Session().client(
                "s3", region_name=region or None, endpoint_url=endpoint or None, config=config
            )  # fmt: skip
        except (self._errors.BotoCoreError, ValueError) as error:
            raise NotReady(
                f"S3 cannot be used ({type(error).__name__})", "set backup.s3_region"
            ) from error
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self.place = f"s3://{bucket}/{self._prefix}"

    def names(self) -> list[str]:
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self._ask(self._s3.list_objects_v2, Prefix=self._prefix, **more)
            found += [one["Key"].removeprefix(self._prefix) for one in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return sorted(found)
            more = {"ContinuationToken": page["NextContinuationToken"]}

    @contextmanager
    def writing(self, name: str) -> Iterator[Writable]:
        upload = _Upload(self._ask, self._s3, self._prefix + name)
        try:
            yield upload
            upload.finish()
        except BaseException:
            with contextlib.suppress(TargetUnavailable):
                upload.give_up()
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[Readable]:
        body = self._ask(self._s3.get_object, absent=name, Key=self._prefix + name)["Body"]
        try:
            yield _Body(body, self._translated)
        finally:
            body.close()

    def delete(self, names: Iterable[str]) -> None:
        for name in names:  # not in one request: some services lack it
            self._ask(self._s3.delete_object, Key=self._prefix + name)

    def _ask(self, verb: Callable[..., Any], absent: str | None = None, **given: Any) -> Any:
        with self._translated(absent):
            return verb(Bucket=self._bucket, **given)

    @contextmanager
    def _translated(self, absent: str | None = None) -> Iterator[None]:
        try:
            yield
        except self._errors.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "?"))
            if absent is not None and code in _ABSENT:
                raise KeyError(absent) from None
            raise TargetUnavailable(
                f"{self.place} refuses ({code[:60]})", "check the bucket and the rights on it"
            ) from None
        except (self._errors.BotoCoreError, OSError) as error:
            raise TargetUnavailable(
                f"{self.place} does not answer ({type(error).__name__})"
            ) from error


class _Upload:
    """One object that is being written; in parts once it is larger than one."""

    def __init__(self, ask: Callable[..., Any], s3: Any, key: str) -> None:
        self._ask = ask
        self._s3 = s3
        self._key = key
        self._held = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes, /) -> int:
        self._held += data
        while len(self._held) > _PART:
            self._send(bytes(self._held[:_PART]))
            del self._held[:_PART]
        return len(data)

    def finish(self) -> None:
        rest = bytes(self._held)
        if self._upload is None:
            self._ask(self._s3.put_object, Key=self._key, Body=rest)
            return
        self._send(rest)
        self._ask(
            self._s3.complete_multipart_upload,
            Key=self._key,
            UploadId=self._upload,
            MultipartUpload={"Parts": self._parts},
        )

    def give_up(self) -> None:
        if self._upload is not None:
            self._ask(self._s3.abort_multipart_upload, Key=self._key, UploadId=self._upload)

    def _send(self, data: bytes) -> None:
        if self._upload is None:
            self._upload = self._ask(self._s3.create_multipart_upload, Key=self._key)["UploadId"]
        number = len(self._parts) + 1
        sent = self._ask(
            self._s3.upload_part,
            Key=self._key, UploadId=self._upload, PartNumber=number, Body=data,
        )  # fmt: skip
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class _Body:
    """The content of an object; a connection that breaks is the place being away."""

    def __init__(self, body: Any, translated: Callable[[], Any]) -> None:
        self._body = body
        self._translated = translated

    def read(self, size: int, /) -> bytes:
        with self._translated():
            return bytes(self._body.read(size))


def _library(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NotReady(
            f"an s3 place needs a library that is not installed: {module}", "install gatehouse[s3]"
        ) from error


def _is_loopback(endpoint: str) -> bool:
    host = endpoint.removeprefix("http://").partition("/")[0].rpartition(":")[0]
    return host in ("127.0.0.1", "localhost", "[::1]")
