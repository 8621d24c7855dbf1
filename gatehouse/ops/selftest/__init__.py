"""Attacks that whoever owns a deployment makes on it from outside, over the same HTTPS as everybody.

A catalogue of small attacks, each in a file of its own, and the machinery to run them within bounds
and to report honestly: an attack that could not be made is never counted as withstood. It must not
harm what it attacks, reach anything else than the named address, or know a secret but those of the
test account.
"""
