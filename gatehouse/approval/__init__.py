"""Four eyes: what policies are in force, which edits wait, and who stands for them.

Rows are authenticated with a key of the service, so that whoever can write the database cannot
approve; what does not verify counts as not approved.
"""

from gatehouse.approval.people import ApprovalRefused, Approver
from gatehouse.approval.store import ApprovalStore, Edit

__all__ = ["ApprovalRefused", "ApprovalStore", "Approver", "Edit"]
