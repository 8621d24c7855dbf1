"""Starts the serving process: Rasa, the web channel and the actions in one, over HTTPS only.

What Rasa's own launcher would leave open is not there: no HTTP API, no other channel, no action
server port, no telemetry, loopback unless the operator says otherwise.
"""

from __future__ import annotations

import errno
import gc
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import rasa.core.run
from rasa.core.utils import AvailableEndpoints
from sanic import Sanic

from gatehouse.channel import WebChannel, housekeeping
from gatehouse.dialogue import adjustments, gate
from gatehouse.dialogue.in_process import InProcessActions
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.ops.tls import handshaking, refresh, server_context
from gatehouse.production import require_fit
from gatehouse.runtime import Runtime
from gatehouse.settings import Server, Settings

CERTIFICATE_CHECK = 86400  # seconds
GARBAGE_AT = 10_000  # objects; one message makes and drops about as many


def serve(runtime: Runtime, model: Path, ready: Any = None) -> None:
    """Serve until a signal arrives; `ready()` is called once the first message can be answered.

    Raises `NotReady` when something stands against serving, `InvalidInput` when the host cannot be.
    """
    if not gate.is_live():
        raise NotReady("this process rehearses conversation tests and must not serve")
    if not model.is_file():
        raise NotReady("there is no trained model", "run `gatehouse train`")
    require_fit(runtime)
    require_free_address(runtime.settings.server)
    adjustments.apply()
    app = _application(runtime, model)
    app.register_listener(_keep_what_is_loaded, "after_server_start")
    if ready is not None:
        app.register_listener(lambda *_: ready(), "after_server_start")
    runtime.record_start()
    context = server_context(runtime.settings)
    renew = partial(_renew_certificate_daily, runtime.settings, context)
    app.register_listener(renew, "after_server_start")
    app.prepare(
        host=runtime.settings.server.host,
        port=runtime.settings.server.port,
        ssl=context,
        single_process=True,  # Rasa builds the application at run time; workers cannot re-import it
        access_log=False,
        motd=False,
        debug=False,
    )
    # `Sanic.run` is `prepare` and this, without a way to say how long a handshake may take.
    app.state.server_info[0].settings["asyncio_server_kwargs"] = handshaking(runtime.settings)
    Sanic.serve_single(app)


def require_free_address(server: Server) -> None:
    """Whether the server could listen, tried and given back at once.

    Raises `NotReady` when somebody else has the port and `InvalidInput` when `server.host` is not an
    address of this machine. Sanic alone would end in an `OSError` that says neither.
    """
    try:
        found = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise InvalidInput(
            f"server.host: {server.host!r} is not a known address", "an address of this machine"
        ) from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
        try:
            probe.bind(address)
            probe.listen()
        except OSError as error:
            raise _why_not(server, error) from error


def _why_not(server: Server, error: OSError) -> GatehouseError:
    if error.errno == errno.EADDRINUSE:
        return NotReady(
            f"port {server.port} on {server.host} is already in use",
            "stop the other server or set GATEHOUSE_SERVER_PORT",
        )
    if error.errno == errno.EACCES:
        return NotReady(
            f"port {server.port} on {server.host} may not be used by this user",
            "set GATEHOUSE_SERVER_PORT to 1024 or above",
        )
    return InvalidInput(
        f"server.host: {server.host!r} is not an address of this machine",
        "127.0.0.1 for this machine only, 0.0.0.0 for every address",
    )


def _application(runtime: Runtime, model: Path) -> Sanic:
    settings = runtime.settings
    endpoints = AvailableEndpoints.read_endpoints(str(settings.path("endpoints.yml")))
    endpoints.action = InProcessActions()
    app = rasa.core.run.configure_app(
        [WebChannel(runtime)],
        cors=None,
        enable_api=False,
        port=settings.server.port,
        endpoints=endpoints,
    )
    app.register_listener(
        partial(rasa.core.run.load_agent_on_start, str(model), endpoints, None),
        "before_server_start",
    )
    app.register_listener(rasa.core.run.close_resources, "after_server_stop")
    return app


def _keep_what_is_loaded(_app: Sanic, _loop: object) -> None:
    """Let the collector of garbage leave alone what lives as long as the process.

    Rasa, its model and the policies are hundreds of thousands of objects; searched again and again
    for garbage among them, they would cost messages their time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AT)


def _renew_certificate_daily(
    settings: Settings, context: ssl.SSLContext, app: Sanic, _loop: object
) -> None:
    app.ctx.housekeeping.append(
        housekeeping.repeat(CERTIFICATE_CHECK, partial(refresh, context, settings))
    )
