"""Every route of the channel: method, path, the part that answers and its method's name.

What is not here is not served. `openapi.yml` describes those below `/api/v1`, and a test holds the two
together.
"""

from __future__ import annotations

from gatehouse.channel.pages import STATIC

V1 = "/api/v1"
ROUTES = (
    ("POST", f"{V1}/session", "signing_in", "sign_in"),
    ("GET", f"{V1}/session", "signing_in", "session"),
    ("DELETE", f"{V1}/session", "signing_in", "sign_out"),
    ("POST", f"{V1}/session/extension", "signing_in", "extend"),
    ("GET", f"{V1}/sessions", "account", "sessions"),
    ("DELETE", f"{V1}/sessions", "account", "end_sessions"),
    ("DELETE", f"{V1}/sessions/<session_id:str>", "account", "end_session"),
    ("POST", f"{V1}/password", "password", "change_password"),
    ("POST", f"{V1}/token", "front_ends", "token"),
    ("POST", f"{V1}/token/renewal", "front_ends", "renew"),
    ("POST", f"{V1}/front-ends", "front_ends", "register"),
    ("GET", f"{V1}/front-ends", "front_ends", "front_ends"),
    ("POST", f"{V1}/front-ends/keys", "front_ends", "replace_key"),
    ("DELETE", f"{V1}/front-ends/<front_end_id:str>", "front_ends", "end_front_end"),
    ("GET", f"{V1}/authenticators", "own", "authenticators"),
    ("POST", f"{V1}/authenticators/changes", "own", "change"),
    ("POST", f"{V1}/authenticators/changes/<challenge_id:str>", "own", "prove"),
    ("DELETE", f"{V1}/authenticators/changes/<challenge_id:str>", "own", "call_off"),
    ("POST", f"{V1}/authenticators/changes/<challenge_id:str>/delivery", "own", "deliver_change"),
    ("POST", f"{V1}/authenticators/<authenticator_id:str>/confirmation", "own", "confirm"),
    ("POST", f"{V1}/authenticators/<authenticator_id:str>/name", "own", "rename"),
    ("GET", f"{V1}/notices", "own", "notices"),
    ("DELETE", f"{V1}/notices/<notice_id:str>", "own", "dismiss"),
    ("POST", f"{V1}/messages", "messages", "message"),
    ("POST", f"{V1}/buttons", "messages", "button"),
    ("GET", f"{V1}/challenge", "challenges", "challenge"),
    ("POST", f"{V1}/challenges/<challenge_id:str>", "challenges", "code"),
    ("DELETE", f"{V1}/challenges/<challenge_id:str>", "challenges", "cancel"),
    ("POST", f"{V1}/challenges/<challenge_id:str>/delivery", "challenges", "deliver"),
    ("GET", f"{V1}/history", "messages", "history"),
    ("DELETE", f"{V1}/conversation", "messages", "clear"),
    ("GET", f"{V1}/stored", "stored", "stored"),
    ("POST", f"{V1}/requests", "stored", "ask"),
    ("GET", f"{V1}/events", "events", "events"),
    ("GET", f"{V1}/exports/<ticket:str>", "downloads", "export"),
    ("GET", "/sign-in", "provider", "begin_there"),
    ("GET", "/sign-in/return", "provider", "return_from_there"),
    ("GET", "/sign-in/out", "provider", "sign_out_there"),
    ("POST", "/sign-in/logout", "provider", "signed_out_there"),
    ("GET", "/healthz", "probes", "healthz"),
    ("GET", "/readyz", "probes", "readyz"),
    ("GET", "/metrics", "probes", "metrics"),
    ("POST", f"{V1}/hooks/<name:str>", "hooks", "receive"),
    ("GET", "/chat", "pages", "chat"),
    ("GET", f"{STATIC}<name:str>", "pages", "static"),
)
