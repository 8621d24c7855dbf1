"""The real channel over HTTPS with real identity, step-up and conversations, and a scripted Rasa.

Everything that decides is real; only the assistant's words are scripted, so that a test knows what
reached Rasa.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import httpx
import jwt
import pyotp
from rasa.core.channels.channel import UserMessage
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.core.policies.policy import Policy
from rasa.core.run import configure_app
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Sanic

from gatehouse.audit import AuditUnavailable
from gatehouse.channel.pages import Wording
from gatehouse.channel.web import WebChannel
from gatehouse.clock import SettableClock, SystemClock
from gatehouse.db import open_engine
from gatehouse.dialogue.authorization import IntentAuthorizationPolicy
from gatehouse.identity import CHEAPEST, METADATA_KEY, Directory, Issuer, Sessions, Verifier
from gatehouse.identity import schema as identity_schema
from gatehouse.identity.calls import Caller
from gatehouse.identity.devices import Devices
from gatehouse.identity.exports import Exports
from gatehouse.identity.front_ends import FrontEnds
from gatehouse.keys import KeyRing
from gatehouse.ops.tls import handshaking, local_authority, server_context
from gatehouse.settings import load_settings
from gatehouse.stepup import Resume
from gatehouse.stepup import schema as stepup_schema
from gatehouse.stepup.assembly import assemble, passkey_site
from gatehouse.stepup.mailing import mailer_of
from gatehouse.tracker import Conversations, EncryptedTrackerStore
from gatehouse.tracker.holds import Holds
from gatehouse.tracker.receipts import Receipts
from gatehouse.tracker.rights import Rights
from gatehouse.tracker.schema import metadata as tracker_metadata
from gatehouse.tracker.traces import PersonTraces
from gatehouse.webhooks import Receiver
from gatehouse.webhooks.endpoints import Source
from gatehouse.webhooks.schema import metadata as webhooks_metadata
from tests.door import at_the_door
from tests.patience import PATIENCE
from tests.signing import FixedKeys

PASSWORD = "lantern harbour seventeen plums"
HOOK_KEY = b"h" * 32
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Notes:
    """An audit log that keeps its entries in a list."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, Any]]] = []
        self.broken = False
        self.engine: Any = None

    def append(self, kind: str, **facts: Any) -> int:
        if self.broken:
            raise AuditUnavailable("disk full")
        self.entries.append((kind, facts))
        return len(self.entries)

    def pseudonym(self, kind: str, identity: str) -> str:
        return f"{kind} {identity}"

    def size(self) -> int:
        return len(self.entries)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.entries]


def model_with(*policies: type[Policy], priority: int = 100) -> Any:
    """What a trained model says of itself when it has `policies`, the first with `priority`."""
    priorities = [priority, *range(len(policies) - 1)]
    nodes = {
        kind.__name__: SimpleNamespace(uses=kind, config={"priority": number})
        for kind, number in zip(policies, priorities, strict=True)
    }
    return SimpleNamespace(predict_schema=SimpleNamespace(nodes=nodes))


class ScriptedAgent:
    """Answers like Rasa's agent; `script` gets the message and the output channel's `send_response`."""

    def __init__(self, store: EncryptedTrackerStore) -> None:
        self.tracker_store: Any = FailSafeTrackerStore(store)
        self.processor = SimpleNamespace(
            tracker_store=self.tracker_store, model_metadata=model_with(IntentAuthorizationPolicy)
        )
        self.nlg = TemplatedNaturalLanguageGenerator({})
        self.action_endpoint = None
        self.heard: list[UserMessage] = []
        self.script: Callable[[UserMessage], Any] = lambda message: [{"text": "All right."}]

    def is_ready(self) -> bool:
        return True

    async def handle_message(self, message: UserMessage) -> None:
        self.heard.append(message)
        tracker = await self.tracker_store.get_or_create_tracker(message.sender_id)
        tracker.update(UserUttered(message.text, metadata=message.metadata))
        answers = self.script(message)
        for answer in await answers if asyncio.iscoroutine(answers) else answers:
            tracker.update(BotUttered(answer.get("text"), data={"buttons": answer.get("buttons")}))
            await message.output_channel.send_response(message.sender_id, dict(answer))
        await self.tracker_store.save(tracker)


class Site:
    """A running server on a free port, and what stands behind it."""

    def __init__(self, home: Path, clock: Any = None, **environment: str) -> None:
        self.clock = clock or SettableClock()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {"GATEHOUSE_SERVER_PORT": str(self.port), **environment}
        self.settings = load_settings(home, environment)
        self.audit = Notes()
        self._build(home)
        Sanic._app_registry.clear()  # of a test that was cut off
        self.app = configure_app(
            [WebChannel(self.services, Wording("Brightwater Logistics, HR desk"))],
            cors="*",
            enable_api=False,
            route="/webhooks/",
        )
        self.app.config.TOUCHUP = False  # rewrites Sanic's methods, which works once per process
        self.app.ctx.agent = self.agent
        self._loop = asyncio.new_event_loop()
        self._server: Any = None
        self._became_ready = False
        self._clients: list[httpx.Client] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _build(self, home: Path) -> None:
        engine = self._engine = self.audit.engine = open_engine(f"sqlite:///{home}/gatehouse.db")
        for metadata in (
            identity_schema.metadata,
            stepup_schema.metadata,
            tracker_metadata,
            webhooks_metadata,
        ):
            metadata.create_all(engine)
        clock, settings, key = self.clock, self.settings, b"k" * 32
        KeyRing.initialise(home / "keys", clock)
        ring = KeyRing.open(home / "keys", clock)
        keys = FixedKeys(key)
        self.issuer = Issuer(keys, clock)
        self.verifier = Verifier(keys, clock)
        self.directory = Directory(engine, clock, CHEAPEST, key=key)
        sessions = Sessions(engine, clock, settings.session, key)
        factors = self.factors = assemble(
            engine,
            clock,
            settings.step_up,
            lambda name: key,
            self.audit.append,
            site=passkey_site(settings),
            mail=mailer_of(settings, clock),
            mail_domains=settings.mail.domains,
        )
        self.totp, step_up = factors.totp, factors.step_up
        exports, self.receipts = Exports(clock), Receipts(key)
        traces = PersonTraces(
            self.audit, sessions, step_up, exports, self.receipts, lambda people, conversations: []
        )
        holds = Holds(engine, ring, clock, key, self.audit)
        conversations = Conversations(
            engine, ring, clock, settings.retention, self.audit, traces=traces
        )
        front_ends = FrontEnds(engine, clock, key)
        self.services = SimpleNamespace(
            settings=settings,
            clock=clock,
            engine=engine,
            ring=ring,
            checkpoints=SimpleNamespace(poll=lambda: None, make=lambda: None),
            directory=self.directory,
            devices=Devices(clock, key),
            sessions=sessions,
            provider=None,
            front_ends=front_ends,
            issuer=self.issuer,
            caller=Caller(keys, clock),
            step_up=step_up,
            conversations=conversations,
            audit=self.audit,
            exports=exports,
            rights=Rights(
                self.directory, sessions, self.totp, conversations, holds, front_ends, clock
            ),
            totp=self.totp,
            factors=factors,
            own_factors=factors.own_factors,
            notices=factors.notices,
            policies=SimpleNamespace(
                poll=lambda: False,
                current=lambda: SimpleNamespace(
                    revision="0" * 64,
                    intents={"export_stored_data": None, "erase_stored_data": None},
                ),
            ),
            receiver=Receiver(
                {"hr": Source("hr", (HOOK_KEY,), frozenset({"person.left"}))}, engine, clock
            ),
            purge=lambda: None,
        )
        self.agent = ScriptedAgent(
            EncryptedTrackerStore.build(Domain.empty(), engine, ring, clock, settings.retention.ttl)
        )
        self.person = self.directory.add(
            "erin.walsh",
            "Erin Walsh",
            ["employee"],
            PASSWORD,
            department="Operations",
            employee_id="E-1001",
            must_change_password=False,
        )
        self.totp.set_demo_secret(self.person.id, SEED)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._ready = ready
        self._thread.start()
        if not ready.wait(PATIENCE) or not self._server:
            raise RuntimeError("the server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._engine.dispose()
        Sanic.unregister_app(self.app)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._starting = self._loop.create_task(self._start())
        self._loop.run_forever()

    async def _start(self) -> None:
        try:
            await self._listen()
        finally:
            self._ready.set()

    async def _listen(self) -> None:
        context = server_context(self.settings, SystemClock())
        self._server = await self.app.create_server(
            "127.0.0.1",
            self.port,
            ssl=context,
            return_asyncio_server=True,
            asyncio_server_kwargs=handshaking(self.settings),
        )
        await self._server.startup()
        await self._server.before_start()
        await self._server.start_serving()

    def become_ready(self) -> None:
        """What happens once the server accepts requests: housekeeping, readiness, metrics."""
        asyncio.run_coroutine_threadsafe(self._server.after_start(), self._loop).result(PATIENCE)
        self._became_ready = True

    async def _stop(self) -> None:
        if self._became_ready:
            await self._server.before_stop()
        # Clients keep connections open; closing in order would wait for them.
        self._server.server.close()
        for connection in set(self._server.connections):
            connection.abort()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await self._server.after_stop()
        await self._loop.shutdown_default_executor()

    def open_connections(self) -> list[Any]:
        """The server's side of each connection that is open now."""
        return list(self._server.connections)

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(
            cafile=str(local_authority(self.settings).certificate_file)
        )

    def client(self, **headers: str) -> httpx.Client:
        """A client like a browser on our own page."""
        made = httpx.Client(
            base_url=self.origin,
            verify=self.tls(),
            timeout=PATIENCE,  # a busy machine takes its time over a password
            headers={"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **headers},
        )
        self._clients.append(made)
        return made

    def signed_in(self) -> httpx.Client:
        client = self.client()
        answer = sign_in(client)
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    def code(self, steps: int = 0) -> str:
        return str(pyotp.TOTP(SEED).at(int(self.clock.now()) + 30 * steps))

    def asks_for_code(self, message: UserMessage) -> list[dict[str, Any]]:
        """A script: step-up for everything but a resumed request."""
        token = (message.metadata or {})[METADATA_KEY]
        claims = jwt.decode(token, options={"verify_signature": False})
        if claims["grant"]:
            return [{"text": "Your net pay was 2 431.07 EUR."}]
        self.services.step_up.request(
            person_id=claims["sub"],
            session_id=claims["sid"],
            conversation_id=message.sender_id,
            intent="view_payslip",
            values={"period": "October 2026"},
            prompt="show your payslip for October 2026",
            resume=Resume("intent", "view_payslip", (("period", "October 2026"),), message.text),
        )
        return [{"text": "Please confirm with a code from your authenticator app."}]


def sign_in(client: httpx.Client, password: str = PASSWORD, **more: str) -> httpx.Response:
    body = {"username": "erin.walsh", "password": password, **more}
    return client.post("/api/v1/session", json=body, headers=at_the_door(client))


def say(client: httpx.Client, text: str, message_id: str = "") -> httpx.Response:
    chosen = message_id or f"message-{abs(hash(text)) % 10**9:09d}"
    return client.post("/api/v1/messages", json={"id": chosen, "text": text})


def retrieve(site: Site, conversation_id: str) -> DialogueStateTracker | None:
    tracker: DialogueStateTracker | None = asyncio.run(
        site.agent.tracker_store.retrieve(conversation_id)
    )
    return tracker
