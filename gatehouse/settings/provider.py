"""The section about sign-in at an OpenID Connect provider.

Off until an issuer is named. The defaults let nobody in whom somebody has not linked by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.settings.values import setting

CLIENT_AUTH = ("client_secret_basic", "client_secret_post")
NEWCOMERS = ("refuse", "match", "create")
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")
"""Signatures that an operator may allow: never `none`, never one with a shared secret."""


@dataclass(frozen=True)
class Provider:
    """Sign-in at an OpenID Connect provider; off without an issuer."""

    issuer: str = setting(
        "", "Issuer, https://…, exactly as the provider writes it; empty for none."
    )
    name: str = setting("your organisation", "What the page calls it: “Sign in with …”.")
    client_id: str = setting("", "Id of Gatehouse at the provider.")
    client_secret_file: str = setting("", "File that holds its secret, mode 0600.")
    client_auth: str = setting(
        "client_secret_basic", "How the secret is shown to the provider.", choices=CLIENT_AUTH
    )
    authority: str = setting("", "PEM file of the authority of the provider's certificate.")
    scopes: tuple[str, ...] = setting(
        ("openid", "profile"), "Scopes to ask for; openid is one of them.", kind="list"
    )
    userinfo: bool = setting(
        False, "Whether claims that the ID token lacks are asked for at userinfo.", kind="truth"
    )
    algorithms: tuple[str, ...] = setting(
        ("RS256", "PS256", "ES256", "Ed25519"),
        "Signatures of ID tokens that are believed; these and no others.",
        kind="list",
    )
    newcomers: str = setting(
        "refuse",
        "Who is not linked yet: `refuse`; `match` the one person with this employee id; or `create` "
        "a person.",
        choices=NEWCOMERS,
    )
    username_claim: str = setting(
        "preferred_username", "Claim with the user name of a person who is created."
    )
    name_claim: str = setting("name", "Claim with the name as people write it.")
    employee_id_claim: str = setting("", "Claim with the number in the system of record.")
    department_claim: str = setting("", "Claim with the department.")
    employment_type_claim: str = setting("", "Claim with the kind of employment.")
    roles_claim: str = setting(
        "", "Claim whose values give roles at each sign-in; empty: roles stay as in the directory."
    )
    roles: tuple[str, ...] = setting(
        (), "What its values give, as value=role; any other value gives nothing.", kind="list"
    )
    acr_values: tuple[str, ...] = setting(
        (), "Kinds of authentication to ask the provider for.", kind="list"
    )
    aal2: tuple[str, ...] = setting(
        (), "Values of `acr` that stand for aal2; `amr:…` for one of `amr`.", kind="list"
    )
    phishing_resistant: tuple[str, ...] = setting(
        (), "The same for aal2-phishing-resistant.", kind="list"
    )
    max_age: int = setting(
        "0s", "How long ago the person may have signed in there; 0 for any time.",
        kind="duration", zero=True,
    )  # fmt: skip
    passwords: bool = setting(
        True, "Whether passwords of the directory open the chat as well.", kind="truth"
    )
