"""Old versions of TLS and ciphers that no longer protect."""

from __future__ import annotations

import ssl
import warnings

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable

OLD = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
BROKEN = "NULL:aNULL:RC4:3DES:DES:EXPORT:MD5:SEED:IDEA:@SECLEVEL=0"
NO_SECRECY = "kRSA:@SECLEVEL=0"
OUR_SIDE = ("NO_PROTOCOLS_AVAILABLE", "UNSUPPORTED_PROTOCOL", "NO_CIPHERS_AVAILABLE")


def attempt(trial: Trial) -> None:
    tried = [
        _offered(trial, name, "ALL:@SECLEVEL=0", version, version) for name, version in OLD.items()
    ]
    newest = ssl.TLSVersion.TLSv1_2
    tried += [
        _offered(trial, "a broken cipher", BROKEN, newest, newest),
        _offered(trial, "TLS 1.2 without forward secrecy", NO_SECRECY, newest, newest),
    ]
    if not any(tried):
        cannot("OpenSSL of this machine speaks none of the old versions any more")


def _offered(
    trial: Trial, name: str, ciphers: str, least: ssl.TLSVersion, most: ssl.TLSVersion
) -> bool:
    """Whether this machine could offer it; the check is that the server does not take it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over this connection
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers(ciphers)
            context.minimum_version, context.maximum_version = least, most
    except (ssl.SSLError, ValueError):
        return False
    trial.site.count()
    wire = trial.site.target.wire(context, trial.site.source)
    try:
        with wire.open():
            trial.hold(False, f"the server takes {name}")
    except Unreachable as error:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLError) and cause.reason in OUR_SIDE:
            return False
        trial.hold(True, "")
    return True


ATTACK = Attack(
    id="tls-versions",
    title="Connect with old versions of TLS and with broken ciphers",
    stride=("I", "T"),
    asvs=("V12.1.1", "V12.1.2"),
    severity="high",
    expects="TLS 1.2 and 1.3 only, with forward secrecy.",
    mend="Leave TLS as Gatehouse sets it; set the same in a proxy in front.",
    attempt=attempt,
)
