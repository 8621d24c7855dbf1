"""The few places where the channel touches Rasa's objects.

Rasa wraps every tracker store in `FailSafeTrackerStore`, which answers a failed read with an empty
conversation and writes a failed save in clear to memory (rasa/core/tracker_store.py). The channel
takes that wrapper off, so that a store that fails stops the turn instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.core.policies.policy import Policy
from rasa.core.tracker_store import AwaitableTrackerStore, FailSafeTrackerStore, TrackerStore
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic

from gatehouse.dialogue.authorization import IntentAuthorizationPolicy
from gatehouse.dialogue.remote_actions import SignedActions
from gatehouse.errors import NotReady

if TYPE_CHECKING:
    from rasa.shared.core.events import Event

    from gatehouse.identity.calls import Caller

CHANNEL = "web"


class AssistantNotReady(NotReady):
    """There is no trained model, or conversations would not be stored encrypted."""


def ready_agent(app: Sanic) -> Agent:
    """The agent of `app` with its tracker store laid open; raises `AssistantNotReady`."""
    agent = getattr(app.ctx, "agent", None)
    if agent is None or not agent.is_ready():
        raise AssistantNotReady("no trained model is loaded", "run `rasa train`")
    store: Any = _inner(agent.tracker_store)
    if not _is_sealed(store):
        raise AssistantNotReady(
            "conversations are not stored encrypted",
            "name gatehouse.tracker.EncryptedTrackerStore in endpoints.yml",
        )
    _require_protection(agent)
    agent.tracker_store = store
    agent.processor.tracker_store = store
    store.look_back_as_far_as(agent.processor)
    return agent


def sign_action_calls(agent: Agent, caller: Caller) -> None:
    """Let a separate action server of `endpoints.yml` be called under signatures only."""
    endpoint = agent.action_endpoint
    if type(endpoint) is EndpointConfig:
        agent.action_endpoint = agent.processor.action_endpoint = SignedActions(endpoint, caller)


def _require_protection(agent: Agent) -> None:
    """Refuse a model without the authorization policy, and parts that send conversations away."""
    nodes = agent.processor.model_metadata.predict_schema.nodes.values()
    priorities = {
        node.uses: _priority(node.uses, node.config)
        for node in nodes
        if isinstance(node.uses, type) and issubclass(node.uses, Policy)
    }
    ours = priorities.pop(IntentAuthorizationPolicy, None)
    if ours is None or any(other >= ours for other in priorities.values()):
        raise AssistantNotReady(
            "the trained model does not put IntentAuthorizationPolicy above every other policy",
            "name gatehouse.dialogue.authorization.IntentAuthorizationPolicy in config.yml "
            "without a priority of its own, and train again",
        )
    if not isinstance(agent.nlg, TemplatedNaturalLanguageGenerator):
        raise AssistantNotReady(
            "endpoints.yml sends conversations to an `nlg` server", "take `nlg` out of it"
        )


def _priority(policy: type[Policy], config: dict[str, Any]) -> Any:
    return {**policy.get_default_config(), **config}.get("priority", 0)


def _inner(store: TrackerStore) -> TrackerStore:
    while isinstance(store, FailSafeTrackerStore | AwaitableTrackerStore):
        store = store._tracker_store
    return store


def _is_sealed(store: TrackerStore) -> bool:
    from gatehouse.tracker import EncryptedTrackerStore

    return isinstance(store, EncryptedTrackerStore)


async def handle(
    agent: Agent, conversation_id: str, message_id: str, text: str, metadata: dict[str, Any]
) -> list[dict[str, Any]]:
    """Let Rasa handle one message; the collected answers. Raises whatever the turn raises."""
    collector = CollectingOutputChannel()
    await agent.handle_message(
        UserMessage(
            text=text,
            output_channel=collector,
            sender_id=conversation_id,
            input_channel=CHANNEL,
            message_id=message_id,
            metadata=metadata,
        )
    )
    return list(collector.messages)


async def events_of(agent: Agent, conversation_id: str) -> list[Event]:
    """All events of a conversation, oldest first; empty when there is none."""
    tracker = await agent.tracker_store.retrieve_full_tracker(conversation_id)
    return list(tracker.events) if tracker else []
