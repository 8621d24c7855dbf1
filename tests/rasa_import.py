"""Imports Rasa once with the warnings of its old dependencies off.

They are raised while modules load (SQLAlchemy 1.4, pkg_resources, pyparsing) and only once per
process; a test module that needs Rasa imports this one first. Warnings later on are errors as
everywhere.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pkg_resources
    import rasa.core.agent
    import rasa.core.run
    import rasa.core.test
    import rasa.core.tracker_store
    import rasa.shared.core.domain

__all__ = ["pkg_resources", "rasa"]
