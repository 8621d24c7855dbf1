"""Refuses to serve when anything else than the web channel is mounted in the application.

Rasa's HTTP API, `rest`, `callback` and `socketio` take sender, slots or events from whoever calls
them (threat: bypass of every check). A wrong flag or a line in `credentials.yml` must therefore stop
the start, whoever launches the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanic import Sanic

from gatehouse.errors import NotReady

if TYPE_CHECKING:
    from sanic_routing.route import Route

BLUEPRINT = "gatehouse_web"
_BANNER = "hello"  # Rasa's version banner at "/", which the channel answers itself


class UnsafeMount(NotReady):
    """The application has routes that bypass the web channel."""


def is_ours(route: Route | None, app: Sanic) -> bool:
    """Whether `route` belongs to the web channel."""
    return route is not None and route.name.startswith(f"{app.name}.{BLUEPRINT}.")


def check(app: Sanic) -> None:
    """Raises `UnsafeMount` when `app` has any route or blueprint that is not the channel's."""
    foreign = sorted(
        f"/{route.path}"
        for route in app.router.routes
        if not is_ours(route, app) and not _is_banner(route, app)
    )
    blueprints = sorted(set(app.blueprints) - {BLUEPRINT})
    if foreign or blueprints:
        named = ", ".join(foreign[:3] or blueprints[:3])
        raise UnsafeMount(
            f"something else than the web channel is mounted: {named}",
            "leave only gatehouse.channel.WebChannel in credentials.yml",
            "start without --enable-api and without --connector",
        )


def _is_banner(route: Route, app: Sanic) -> bool:
    return route.path == "" and route.name == f"{app.name}.{_BANNER}"
