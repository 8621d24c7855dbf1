"""Signed messages to and from other systems over HTTPS; knows nothing of Rasa.

The signature is that of the public Standard Webhooks specification, so that the other side needs no
code of ours. Nothing here decides what a message may cause: who calls `deliver` was authorized
before, and what an incoming one may do is the handler's business.
"""

from gatehouse.webhooks.delivery import Delivery, Outgoing, WebhookRefused, WebhookUnavailable
from gatehouse.webhooks.endpoints import Endpoints, read_endpoints
from gatehouse.webhooks.incoming import Event, Receiver, ReceiverBusy, ReceiverRefused

__all__ = [
    "Delivery",
    "Endpoints",
    "Event",
    "Outgoing",
    "Receiver",
    "ReceiverBusy",
    "ReceiverRefused",
    "WebhookRefused",
    "WebhookUnavailable",
    "read_endpoints",
]
