"""The Rasa side of the security layer: the dialogue policy and the guarded actions."""
