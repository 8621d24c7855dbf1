"""Sign-in at an OpenID Connect provider: the authorization code flow, and what follows from it.

Says who somebody is and how surely; what that person may do is decided elsewhere. Knows nothing of
browsers but one sealed cookie value. `service` is the way in; it imports the protocol library, so it
is imported only where a provider is configured.
"""
