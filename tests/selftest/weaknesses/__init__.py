"""Weaknesses that a server of the self-test's tests can be given, one module each.

Each has `FOUND_BY`, the id of the attack that must find it, and `weaken(patch)`, which changes the
running server with a `pytest.MonkeyPatch` that is undone afterwards, and may return what else has to be
called then. Nothing of this is installed, and nothing in `gatehouse/` knows of it.
"""
