"""Backups that restore and never resurrect.

A backup holds the databases, the policies and the settings, sealed part by part under a key of its
own in the key ring. It holds neither ring nor root: without both nothing in it opens, and
destroying its key ends every copy of it. `making`, `checking`, `restoring` and `pruning` are the
verbs; nothing here knows Rasa.
"""
