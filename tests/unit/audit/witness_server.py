"""A witness of the protocol C2SP tlog-witness over HTTPS, as a stand-in for somebody else's.

Follows the specification and nothing of Gatehouse's client; `answer` makes it misbehave on purpose.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.audit.checkpoint import Cosigner, Trust
from gatehouse.audit.errors import CheckpointInvalid
from gatehouse.audit.note import Ed25519Verifier, split
from gatehouse.audit.proofs import ProofInvalid, check_consistency
from gatehouse.clock import SystemClock
from gatehouse.ops.tls import ensure_certificate, server_context
from gatehouse.settings import load_settings

NAME = "witness.example.org/w1"
Answer = tuple[int, str]


class WitnessServer:
    """One log, its newest size and root, and the key to cosign with."""

    def __init__(self, log_key: Ed25519Verifier, directory: Path) -> None:
        self.cosigner = Cosigner(NAME, Ed25519PrivateKey.from_private_bytes(b"w" * 32), lambda: 1e9)
        self.trust = Trust(log_key.name, [log_key])
        self.size, self.root = 0, b""
        self.requests = 0
        self.answer: Callable[[Answer], Answer] = lambda good: good
        settings = load_settings(directory, {})
        ensure_certificate(settings, SystemClock().now())
        self.context = server_context(settings)
        self.authority = str(settings.path(settings.tls.directory) / "authority.pem")

    def add_checkpoint(self, body: str) -> Answer:
        """The specified answer to a request body."""
        head, _, note = body.partition("\n\n")
        old, *proof = head.split("\n")
        try:
            checkpoint = self.trust.read(note).checkpoint
        except CheckpointInvalid:
            return 403, ""
        if int(old.removeprefix("old ")) != self.size:
            return 409, f"{self.size}\n"
        if checkpoint.size == self.size and checkpoint.root != self.root:
            return 409, f"{self.size}\n"
        try:
            hashes = [base64.b64decode(line) for line in proof]
            if self.size:
                check_consistency(self.size, checkpoint.size, self.root, checkpoint.root, hashes)
        except ProofInvalid:
            return 422, ""
        self.size, self.root = checkpoint.size, checkpoint.root
        return 200, self.cosigner.sign(split(note)[0])


@contextmanager
def serving(witness: WitnessServer) -> Iterator[str]:
    """The `https://` address of a running `witness`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            witness.requests += 1
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            known = self.path == "/log/add-checkpoint"
            status, text = witness.answer(witness.add_checkpoint(body) if known else (404, ""))
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", text)
                text = ""
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = witness.context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/log"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
