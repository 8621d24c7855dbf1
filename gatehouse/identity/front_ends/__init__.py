"""Front ends of people's own: clients that are no browser, each with a key for one person.

A front end proves its key with every request (RFC 7523, RFC 9449) and gets short access tokens that are
worthless without it. Knows nothing of HTTP.
"""

from gatehouse.identity.front_ends.keys import PublicKey
from gatehouse.identity.front_ends.registry import FrontEnd, FrontEnds
from gatehouse.identity.front_ends.signed import FrontEndRefused
from gatehouse.identity.front_ends.terms import LEAST, SCOPES, Terms, checked_scopes

__all__ = [
    "LEAST",
    "SCOPES",
    "FrontEnd",
    "FrontEndRefused",
    "FrontEnds",
    "PublicKey",
    "Terms",
    "checked_scopes",
]
