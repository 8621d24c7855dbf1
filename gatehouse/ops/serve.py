"""Starts the serving process: Rasa, the web channel and the actions in one, over HTTPS only.

What Rasa's own launcher would leave open is not there: no HTTP API, no other channel, no action
server port, no telemetry, loopback unless the operator says otherwise.
"""

from __future__ import annotations

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
from gatehouse.errors import NotReady
from gatehouse.ops.tls import refresh, server_context
from gatehouse.production import require_fit
from gatehouse.runtime import Runtime
from gatehouse.settings import Settings

CERTIFICATE_CHECK = 86400  # seconds


def serve(runtime: Runtime, model: Path, ready: Any = None) -> None:
    """Serve until a signal arrives; `ready()` is called once the first message can be answered.

    Raises `NotReady` when something stands against serving.
    """
    if not gate.is_live():
        raise NotReady("this process rehearses conversation tests and must not serve")
    if not model.is_file():
        raise NotReady("there is no trained model", "run `gatehouse train`")
    require_fit(runtime)
    adjustments.apply()
    app = _application(runtime, model)
    if ready is not None:
        app.register_listener(lambda *_: ready(), "after_server_start")
    runtime.audit.append("start", profile=runtime.settings.server.profile)
    context = server_context(runtime.settings)
    renew = partial(_renew_certificate_daily, runtime.settings, context)
    app.register_listener(renew, "after_server_start")
    app.run(
        host=runtime.settings.server.host,
        port=runtime.settings.server.port,
        ssl=context,
        single_process=True,  # Rasa builds the application at run time; workers cannot re-import it
        access_log=False,
        motd=False,
        debug=False,
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


def _renew_certificate_daily(
    settings: Settings, context: ssl.SSLContext, app: Sanic, _loop: object
) -> None:
    app.ctx.housekeeping.append(
        housekeeping.repeat(CERTIFICATE_CHECK, partial(refresh, context, settings))
    )
