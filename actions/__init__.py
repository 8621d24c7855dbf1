"""What the assistant can do: one module per topic, every action guarded.

An action answers from the system of record through `actions.records` and never decides who may
see what; `gatehouse.dialogue.guarded` does that before an action runs.
"""

from __future__ import annotations

from gatehouse.dialogue.step_up_action import RequestStepUp

__all__ = ["RequestStepUp"]
