"""What happened in a conversation, as far as rules may ask: refusals, requests already served, and codes given for them.

Kept in Gatehouse's own table, sealed under the key of the conversation, because slots and events can
be written by whoever can write events, and because it has to end when the conversation does.
"""

from gatehouse.state.store import RECENT, Confirmed, ConversationState, Facts

__all__ = ["RECENT", "Confirmed", "ConversationState", "Facts"]
