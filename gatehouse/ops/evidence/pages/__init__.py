"""The pages of a bundle, for people: a front page and one page for each catalogue of requirements.

Each is one HTML file without scripts that loads nothing, so that it opens in twenty years, offline.
Everything that is shown is escaped; a state is always a word, never a colour alone.
"""

from gatehouse.ops.evidence.pages.front import front_page
from gatehouse.ops.evidence.pages.requirements import requirements_page

__all__ = ["front_page", "requirements_page"]
