"""S3 as far as the adapter uses it, over HTTP, written from its API reference.

It checks the signature header and the part sizes, lists in pages, keeps no object of an upload that
was not completed. It is not S3; docs/backups.md says what was run against what.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

PAGE = 3
SMALLEST_PART = 5 << 20


class FakeS3:
    """One bucket. `refuse` is an error code that every request gets, empty for none."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.refuse = ""
        self.calls: list[str] = []

    def answer(
        self, verb: str, key: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if self.refuse:
            return _error(403, self.refuse)
        upload = query.get("uploadId", [""])[0]
        if verb == "GET" and not key:
            return self._list(query)
        if verb == "POST" and "uploads" in query:
            self.calls.append("create_multipart_upload")
            name = secrets.token_hex(4)
            self.uploads[name] = {}
            return 200, _xml("InitiateMultipartUploadResult", UploadId=name), {}
        if verb == "PUT" and upload:
            self.uploads[upload][int(query["partNumber"][0])] = body
            return 200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        if verb == "POST" and upload:
            parts = self.uploads.pop(upload)
            named = [
                int(one.text or 0)
                for one in ElementTree.fromstring(body).iter()
                if one.tag.endswith("PartNumber")
            ]
            assert named == sorted(parts)
            if any(len(parts[number]) < SMALLEST_PART for number in named[:-1]):
                return _error(400, "EntityTooSmall")
            self.objects[key] = b"".join(parts[number] for number in named)
            return 200, _xml("CompleteMultipartUploadResult", Key=key), {}
        if verb == "DELETE" and upload:
            self.uploads.pop(upload)
            return 204, b"", {}
        if verb == "PUT":
            self.objects[key] = body
            return 200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        if verb == "DELETE":
            self.objects.pop(key, None)
            return 204, b"", {}
        if key not in self.objects:
            return _error(404, "NoSuchKey")
        return 200, self.objects[key], {}

    def _list(self, query: dict[str, list[str]]) -> tuple[int, bytes, dict[str, str]]:
        prefix, after = query["prefix"][0], query.get("continuation-token", [""])[0]
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        shown = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys[:PAGE])
        more = len(keys) > PAGE
        token = f"<NextContinuationToken>{keys[PAGE - 1]}</NextContinuationToken>" if more else ""
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{shown}"
        return 200, f"<ListBucketResult>{text}</ListBucketResult>".encode(), {}


@contextmanager
def served(state: FakeS3) -> Iterator[str]:
    """The address of a server over `state`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _go(self) -> None:
            body = _unchunked(self) if self.headers.get("Content-Length") else b""
            assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
            parts = urlsplit(self.path)
            _, bucket, key = (unquote(parts.path) + "/").split("/", 2)
            assert "desk-backups" == bucket
            status, content, headers = state.answer(
                self.command,
                key.removesuffix("/"),
                parse_qs(parts.query, keep_blank_values=True),
                body,
            )
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = _go

        def log_message(self, *_given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _unchunked(request: BaseHTTPRequestHandler) -> bytes:
    """The body, out of the chunks that the SDK signs one by one (aws-chunked)."""
    body = request.rfile.read(int(request.headers["Content-Length"]))
    if "aws-chunked" not in request.headers.get("Content-Encoding", ""):
        return body
    out, rest = b"", body
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        out, rest = out + rest[:size], rest[size + 2 :]
    return out


def _xml(name: str, **fields: str) -> bytes:
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
    return f"<{name}>{inner}</{name}>".encode()


def _error(status: int, code: str) -> tuple[int, bytes, dict[str, str]]:
    return status, _xml("Error", Code=code, Message="no"), {}
