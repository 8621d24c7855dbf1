"""Keeps warnings that only a maintainer of a third-party package can act on off the terminal.

They are named one by one, so that a new warning is seen. They are dropped where they would be shown
rather than filtered, because Rasa and Sanic put filters of their own in front. Whoever passes `-W`
or sets PYTHONWARNINGS sees everything. Written for Rasa 3.6.21 with setuptools 80, packaging 21,
scikit-learn 1.7 and Sanic 25.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from types import ModuleType
from typing import Any

IGNORED = re.compile(
    r"pkg_resources is deprecated as an API"
    r"|Deprecated call to `pkg_resources\.declare_namespace"
    r"|'\w+' (deprecated|argument is deprecated)[,;]? .*use '\w+'"  # pyparsing, by packaging
    r"|'multi_class' was deprecated"
    r"|Attempting to set identical low and high [xy]lims"  # matplotlib, in small reports
    r"|.*Passing the loop argument to listeners is deprecated"
)


def adjust(_module: ModuleType) -> None:
    """Show warnings as before, without those named here."""
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    if sys.warnoptions or getattr(warnings.showwarning, "is_lean", False):
        return
    show = warnings.showwarning

    def showwarning(message: Warning | str, *arguments: Any, **rest: Any) -> None:
        if not IGNORED.match(str(message)):
            show(message, *arguments, **rest)

    showwarning.is_lean = True  # type: ignore[attr-defined]
    warnings.showwarning = showwarning
