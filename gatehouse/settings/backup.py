"""Settings of backups, in a module of their own because that of the other sections is full."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.settings.values import setting


@dataclass(frozen=True)
class Backup:
    """Sealed backups at a second place. Keys are never in them; see docs/backups.md."""

    target: str = setting(
        "",
        "Second place: a directory on another volume, sftp://user@host/path, or s3://bucket/prefix. "
        "Empty for none.",
    )
    every: int = setting(
        "6h", "How often the server makes one; 0 when only `gatehouse backup now` does.",
        kind="duration", zero=True,
    )  # fmt: skip
    records: bool = setting(
        True,
        "Include the database of [records]; false when your system of record has its own backups.",
        kind="truth",
    )
    keep_last: int = setting(
        4, "Newest backups that are kept in any case.", kind="int", low=1, high=1000
    )
    keep_daily: int = setting(
        7, "Days of which the last backup is kept.", kind="int", low=0, high=1000
    )
    keep_weekly: int = setting(
        5, "Weeks of which the last backup is kept.", kind="int", low=0, high=1000
    )
    keep_monthly: int = setting(
        12, "Months of which the last backup is kept.", kind="int", low=0, high=1000
    )
    s3_region: str = setting("", "Region of the bucket; credentials come from the usual AWS chain.")
    s3_endpoint: str = setting("", "Another address of an S3-compatible service, https.")
    sftp_config: str = setting(
        "", "OpenSSH configuration file (identity, known hosts, port) for an sftp target."
    )
