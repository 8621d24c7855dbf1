"""The forms of a report. All tell the same; none holds a secret of the test account."""
