"""Evidence for auditors: what is claimed about which requirement, what shows it, how it stands now.

The map under `compliance/` holds the claims, `live/` looks at the deployment, `bundle` signs both into
one file. Nothing here may say that somebody complies with anything, nor call something collected that
was not; and no bundle may name a person.
"""
