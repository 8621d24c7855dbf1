"""Benchmarks: what Gatehouse costs, against plain Rasa on the same stack, in one run on one machine."""
