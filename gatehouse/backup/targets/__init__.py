"""Second places: where sealed backups are put, listed, read and removed.

A place never sees a key or anything in clear. An object is there whole or not at all; a backup is
there once its manifest is. A place is marked once, by hand, because a volume that is not mounted
looks like an empty directory.
"""

from gatehouse.backup.targets.base import MANIFEST, MARKER, Target
from gatehouse.backup.targets.opening import open_target

__all__ = ["MANIFEST", "MARKER", "Target", "open_target"]
