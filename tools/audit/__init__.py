"""What the production set is made of, and how it stands: SBOM, licences, advisories, ages, what is left out.

Nothing here needs a network but advisories and ages; what could not be checked is said to be so and
is never a success. Uses the standard library alone, so that the bill can be written wherever Gatehouse is
installed.
"""
