"""The stock action server of rasa-sdk listens beside the service, without protection."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

import pytest
from rasa_sdk.endpoint import create_app
from sanic import Sanic

from tests.patience import PATIENCE

FOUND_BY = "action-server"


def weaken(patch: pytest.MonkeyPatch) -> Callable[[], None]:
    app = create_app("actions")
    app.config.TOUCHUP = False  # rewrites Sanic's methods, which works once per process
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        port = int(os.environ["WEAKENED_SIDE_PORT"])
        server = await app.create_server("127.0.0.1", port, return_asyncio_server=True)
        await server.startup()
        await server.start_serving()
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(serve())
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    assert ready.wait(PATIENCE), "the action server did not start"

    def end() -> None:
        loop.call_soon_threadsafe(loop.stop)
        Sanic.unregister_app(app)

    return end
