"""Gatehouse: the security layer of a conversational assistant built on Rasa Open Source.

Verified identity, intent-level authorization, step-up bound to the request, audited decisions,
and conversations that expire for good. ARCHITECTURE.md says where every line lives.
"""

__version__ = "0.1.0"
