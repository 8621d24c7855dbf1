"""`make audit`: everything; `python -m tools.audit sbom`: what needs no network.

Writes to build/audit. Exit codes: 0 everything was checked and is good, 4 the licence policy or an advisory says
no, 5 the bill is not valid, 6 something could not be checked here, which is no success.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tools.audit.advisories import PYTHON, advisories, advisories_of_copy
from tools.audit.ages import ages, index_of_pip
from tools.audit.licences import licences, unneeded
from tools.audit.lock import ROOT, Locked, NotUnderstood, read_lock
from tools.audit.replaced import left_out, moved
from tools.audit.sbom import bill

OUT = ROOT / "build" / "audit"
_VALIDATE = (
    "import sys; from cyclonedx.validation.json import JsonStrictValidator as V;"
    "from cyclonedx.schema import SchemaVersion as S;"
    "e = V(S.V1_6).validate_str(open(sys.argv[1], encoding='utf-8').read());"
    "sys.exit(f'error: {e}' if e else 0)"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the checks; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tools.audit", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("what", choices=("sbom", "all"))
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the results")
    parser.add_argument(
        "--advisories",
        type=Path,
        help="copy of OSV's collection for PyPI or of the PyPA's database",
    )
    given = parser.parse_args(arguments)
    try:
        packages = read_lock()
    except (OSError, NotUnderstood) as error:
        _say(f"error: {error}")
        return 5
    now = datetime.datetime.now(datetime.UTC)
    code = _materials(packages, now, given.out)
    if given.what == "all":
        code = _worst(code, _valid(given.out), _known(packages, now, given))
        code = _worst(code, _aged(packages, now, given.out))
    _say(f"results are in {given.out}")
    return code


def _materials(packages: tuple[Locked, ...], now: datetime.datetime, out: Path) -> int:
    found = licences(packages)
    _write(out / "sbom.cdx.json", bill(packages, found, now))
    wrong, idle = [one for one in found if one.mistake], unneeded(found)
    excepted = [one for one in found if one.exception]
    _write(
        out / "licences.json",
        {
            "licences": [asdict(one) for one in found],
            "unneeded": idle,
            "holds": not wrong and not idle,
        },
    )
    gone = left_out()
    _write(out / "replaced.json", {"left_out": gone, "moved": moved()})
    _say(f"bill        {len(packages)} packages, as the lock has them")
    _say(f"licences    {len(found) - len(wrong)} allowed, {len(excepted)} of them by exception")
    for one in wrong:
        _say(f"  {one.package} {one.version}: {one.mistake} ({one.source})")
    for name in idle:
        _say(f"  {name}: named in licences.toml and not needed")
    _say(f"left out    {len(gone)} packages that Rasa imports; lean/README.md has the reasons")
    return 4 if wrong or idle else 0


def _valid(out: Path) -> int:
    try:
        done = subprocess.run(
            [PYTHON, "-c", _VALIDATE, out / "sbom.cdx.json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except OSError:
        _say("form        could not be checked here: `make audit` makes the environment for it")
        return 6
    _say(
        f"form        {'valid CycloneDX 1.6' if not done.returncode else done.stderr.strip()[-500:]}"
    )
    return 5 if done.returncode else 0


def _known(packages: tuple[Locked, ...], now: datetime.datetime, given: argparse.Namespace) -> int:
    if given.advisories:
        said = advisories_of_copy(given.advisories, packages, now.date())
    else:
        said = advisories(sum(map(_is_here, packages)), now.date())
    made = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    _write(given.out / "advisories.json", {"made": made, **said.as_json()})
    standing = [one for one in said.findings if not one.accepted]
    if not said.checked:
        _say(f"advisories  COULD NOT BE CHECKED HERE: {said.why}")
    if said.checked or standing:
        _say(f"advisories  {len(standing)} for {said.packages} packages ({said.why})")
    for one in standing:
        _say(
            f"  {one.package} {one.version}: {one.id}, fixed in {', '.join(one.fixed_in) or 'none'}"
        )
    return 4 if standing else 0 if said.checked else 6


def _aged(packages: tuple[Locked, ...], now: datetime.datetime, out: Path) -> int:
    try:
        found, why = ages(packages, index_of_pip(), now.date())
    except (OSError, subprocess.SubprocessError, IndexError):
        found, why = (), "pip does not say which index it uses"
    rows = [{**asdict(one), "old": one.old} for one in found]
    silent = sum(one.days is None for one in found)
    if not why and silent:
        why = f"the index does not say it for {silent} of {len(found)} packages"
    _write(out / "ages.json", {"checked": not why, "why": why, "packages": rows})
    if why:
        _say(f"ages        COULD NOT BE CHECKED HERE: {why}")
        return 6
    old = [one for one in found if one.old]
    _say(f"ages        {len(old)} packages without any release for three years")
    for one in old:
        _say(f"  {one.package} {one.version}: uploaded {one.uploaded}, newest release {one.newest}")
    return 0


def _is_here(package: Locked) -> bool:
    try:
        return version(package.name) == package.version
    except PackageNotFoundError:
        return False


def _worst(*codes: int) -> int:
    """A refusal before what is not valid, before what could not be checked, before success."""
    return next((code for code in (4, 5, 6) if code in codes), 0)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
