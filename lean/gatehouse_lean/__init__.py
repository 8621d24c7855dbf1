"""What unmodified Rasa 3.6.21 needs to run on a small, supported set of packages.

Every change to a library's behaviour at run time lives in one module of this package, with its
reason, the version it was written for and a test that fails when the library changes underneath.
Importing this package must stay cheap and must change nothing: `start.start()` does that.
"""
