"""The doctor: looks at a deployment before and while it serves, and says what to mend and how.

It changes nothing, needs neither the server nor the database nor a valid configuration, and never
calls good what it could not look at.
"""

from gatehouse.ops.doctor.examination import examine
from gatehouse.ops.doctor.finding import Finding, Level, Report

__all__ = ["Finding", "Level", "Report", "examine"]
