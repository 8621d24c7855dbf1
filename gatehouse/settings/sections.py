"""Every section and setting: its name, type, safe default and meaning.

This is the list that `gatehouse settings` shows. A default must be safe for people whose data is real.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.settings.values import setting

PROFILES = ("development", "production")
ON_END = ("destroy", "keep")
KEY_HOMES = ("file", "database")
KEY_ROOTS = ("file", "pkcs11", "aws-kms", "vault")
SUITES = ("aes256gcm", "chacha20poly1305")
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("console", "json")
COUNTS_FROM = ("last_message", "start")


@dataclass(frozen=True)
class Server:
    """Where and how Gatehouse listens."""

    profile: str = setting(
        "development",
        "`production` refuses to serve with demo accounts, demo keys or the local certificate authority.",
        choices=PROFILES,
    )
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(5005, "Port to listen on.", kind="int", low=1, high=65535)
    public_origin: str = setting(
        "", "Origin that browsers use; empty means `https://localhost:<port>`."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (), "Addresses of proxies whose forwarded headers are believed.", kind="list"
    )

    framed_by: tuple[str, ...] = setting(
        (),
        "Origins of pages that may show the chat page in a frame; of the same site only, since the "
        "session cookie is SameSite=Strict.",
        kind="list",
    )

    @property
    def origin(self) -> str:
        return self.public_origin or f"https://localhost:{self.port}"


@dataclass(frozen=True)
class Database:
    """Gatehouse's own tables: conversations, people, sessions, step-up."""

    url: str = setting("sqlite:///var/gatehouse.db", "SQLAlchemy URL; SQLite or PostgreSQL.")
    url_file: str = setting("", "File that holds the URL, when it contains a password.")


@dataclass(frozen=True)
class Audit:
    """The audit log."""

    url: str = setting("sqlite:///var/audit.db", "SQLAlchemy URL of the log; SQLite or PostgreSQL.")
    url_file: str = setting("", "File that holds the URL, when it contains a password.")
    origin: str = setting(
        "", "Name of the log in its checkpoints; empty derives one from its key. New name, new log."
    )
    checkpoint_entries: int = setting(
        1000, "Sign a checkpoint after this many entries.", kind="int", low=1, high=1_000_000
    )
    checkpoint_interval: int = setting(
        "60s", "Sign a checkpoint after this time, if there are new entries.", kind="duration"
    )
    witness_file: str = setting(
        "var/witness/audit.jsonl",
        "File that remembers checkpoints; put it on another volume. Empty for none.",
    )
    witness_url: str = setting("", "A witness that speaks C2SP tlog-witness, https://….")
    witness_key: str = setting("", "Its verifier key, name+id+key.")
    witness_authority: str = setting("", "PEM file of the authority of its certificate.")
    post_quantum: str = setting(
        "off", "Sign checkpoints with ML-DSA-44 as well (3 KB each).", choices=("off", "on")
    )
    pseudonyms: int = setting(
        "400d", "How long entries can be found by person; whole quarters.", kind="duration"
    )


@dataclass(frozen=True)
class Records:
    """The system of record that the actions read and write (the demo organisation's)."""

    url: str = setting("sqlite:///var/records.db", "SQLAlchemy URL of the system of record.")
    url_file: str = setting("", "File that holds the URL, when it contains a password.")


@dataclass(frozen=True)
class Keys:
    """Keys that encrypt conversations. Never put this directory into a backup."""

    directory: str = setting("var/keys", "Directory of the key root and the key ring, mode 0700.")
    home: str = setting(
        "file",
        "Where the ring lives: `file` for one host, `database` (PostgreSQL) for several.",
        choices=KEY_HOMES,
    )
    url: str = setting("", "Database of the ring when `home` is `database`; empty: [database].")
    url_file: str = setting("", "File that holds that URL, when it contains a password.")
    mirror: str = setting("", "Directory on another volume that always holds a copy of the ring.")
    root: str = setting(
        "file",
        "Where the root lives: files, a hardware module or a key service.",
        choices=KEY_ROOTS,
    )
    namespace: str = setting(
        "gatehouse", "First part of the names of roots in a module or service; one per deployment."
    )
    suite: str = setting(
        "aes256gcm", "Cipher for what is sealed from now on; older records open.", choices=SUITES
    )
    expiry_every: int = setting(
        "1s", "Pause between two root generations made for scheduled expiry.", kind="duration"
    )
    root_copies_kept: int = setting(
        "0s",
        "How long backups of the place of the roots are kept; counts into `irreversible_at`.",
        kind="duration",
        zero=True,
    )
    pkcs11_module: str = setting("", "Path of the PKCS#11 library.")
    pkcs11_token: str = setting("", "Label of the PKCS#11 token.")
    pkcs11_pin_file: str = setting("", "File that holds its user PIN, mode 0600.")
    aws_region: str = setting("", "Region of AWS KMS; credentials come from the usual AWS chain.")
    aws_endpoint: str = setting("", "Another address of AWS KMS, such as a private endpoint.")
    aws_deletion_days: int = setting(
        7, "Days until AWS KMS deletes a destroyed root for good.", kind="int", low=7, high=30
    )
    vault_address: str = setting("", "Address of Vault or OpenBao, https.")
    vault_mount: str = setting("transit", "Mount of its Transit engine.")
    vault_namespace: str = setting("", "Namespace in Vault or OpenBao.")
    vault_token_file: str = setting(
        "", "File that holds the token, mode 0600; read anew each time."
    )
    vault_ca_file: str = setting("", "PEM file of the authority that signed its certificate.")
    signing: int = setting(
        "24h", "How long one key signs assertions and action calls.", kind="duration", high=2592000
    )


@dataclass(frozen=True)
class Tls:
    """HTTPS. Without a certificate a local authority makes one for `localhost`."""

    certificate: str = setting("", "PEM file of the certificate chain.")
    key: str = setting("", "PEM file of its private key, mode 0600.")
    directory: str = setting("var/tls", "Where the local authority lives.")


@dataclass(frozen=True)
class Retention:
    """How long a conversation can be read."""

    ttl: int = setting(
        "24h",
        "Time to expiry; retention classes of the policies may shorten it.",
        kind="duration",
    )
    counts_from: str = setting(
        "last_message",
        "Whether `ttl` counts from the last message, or from the start and never moves.",
        choices=COUNTS_FROM,
    )
    purge_interval: int = setting("60s", "Pause between two purges.", kind="duration")
    hold_role: str = setting(
        "compliance", "Role of those who may put a legal hold; it takes two of them."
    )
    on_end: str = setting(
        "destroy", "What happens when a person ends a conversation.", choices=ON_END
    )


@dataclass(frozen=True)
class Session:
    """Sign-in sessions."""

    idle: int = setting("15m", "A session ends after this time without a message.", kind="duration")
    absolute: int = setting("8h", "A session ends after this time in any case.", kind="duration")


@dataclass(frozen=True)
class StepUp:
    """The second factor."""

    challenge: int = setting(
        "5m", "How long a request waits for its code; 5m at most.", kind="duration", high=300
    )
    attempts: int = setting(
        5, "Wrong codes per request before it is cancelled.", kind="int", low=1, high=10
    )
    totp_back: int = setting(
        1, "Time steps of 30 s that a code may be old; 0 is ASVS-strict.", kind="int", low=0, high=1
    )
    reset_role: str = setting(
        "compliance", "Role of those who may reset a person's second factors; it takes two of them."
    )
    rp_id: str = setting(
        "",
        "Domain that passkeys are made for; empty: the host of server.public_origin. Never change it.",
    )
    sms_level: str = setting(
        "aal1",
        "What a code by text message is worth; `aal2` accepts the risk of a stolen number.",
        choices=("aal1", "aal2"),
    )


@dataclass(frozen=True)
class Policy:
    """The rules that compliance staff edit."""

    directory: str = setting("policies", "Directory of the policy files.")
    time_zone: str = setting("Europe/Berlin", "Time zone of rules that name none.")
    four_eyes: bool = setting(
        False,
        "An edit that opens something waits until a second person approves it.",
        kind="truth",
    )
    approver_role: str = setting(
        "compliance", "Role that the two people of an edit need when four_eyes is on."
    )


@dataclass(frozen=True)
class Limits:
    """Sizes and rates of the web channel."""

    body: int = setting(16384, "Bytes in a request body.", kind="int", low=1024, high=1 << 20)
    text: int = setting(2000, "Characters in a message.", kind="int", low=100, high=10000)
    messages_per_minute: int = setting(
        30, "Messages per person and minute.", kind="int", low=1, high=10000
    )
    sign_ins_per_minute: int = setting(
        20, "Sign-in attempts per source and minute.", kind="int", low=1, high=10000
    )
    requests_per_minute: int = setting(
        240, "Requests of one session and minute, of every kind.", kind="int", low=30, high=100_000
    )
    strangers_per_minute: int = setting(
        120,
        "Requests per minute of one address that is not signed in.",
        kind="int",
        low=10,
        high=100_000,
    )
    strangers_per_second: int = setting(
        50,
        "Requests per second of everybody who is not signed in, all together; above it they wait.",
        kind="int",
        low=1,
        high=100_000,
    )
    handshake: int = setting(
        "10s",
        "A connection that has not finished its TLS handshake then is closed.",
        kind="duration",
    )
    store: str = setting(
        "", "Redis that several serving processes count in, redis:// or rediss://; empty for one."
    )
    store_file: str = setting("", "File that holds that address, when it contains a password.")


@dataclass(frozen=True)
class Logs:
    """Application logs, on stderr. No level shows what people say, type or own."""

    level: str = setting("info", "Least level of Gatehouse's own lines.", choices=LEVELS)
    libraries: str = setting(
        "error", "Least level of every library's lines, shown without values.", choices=LEVELS
    )
    format: str = setting(
        "console", "Words for a terminal, or one JSON object a line.", choices=FORMATS
    )


@dataclass(frozen=True)
class Metrics:
    """Numbers for Prometheus; without either setting they are shown to nobody."""

    port: int = setting(
        0,
        "Port on 127.0.0.1 that shows /metrics, /healthz and /readyz over plain HTTP; 0 for none.",
        kind="int",
        low=0,
        high=65535,
    )
    token_file: str = setting(
        "", "File with the bearer token for /metrics over HTTPS, 32 characters or more."
    )


@dataclass(frozen=True)
class Webhooks:
    """Signed messages to and from other systems."""

    file: str = setting(
        "webhooks.toml", "File that names the other systems and their secrets; may be missing."
    )
