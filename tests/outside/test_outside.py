"""What strangers' scanners say of a served deployment with a name and certificate of its own.

They take minutes, so `make test` leaves them out; `make outside` and continuous integration run them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment
from tests.needs import need
from tests.outside.certified import NAME, certified

HERE = Path(__file__).parent
SCANNER = HERE / "observatory" / "scan.mjs"
pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with certified(tmp_path_factory.mktemp("outside") / "home") as deployment:
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        yield deployment.start("--demo")


def test_the_observatory_gives_its_best_grade(desk: Deployment) -> None:
    """MDN's HTTP Observatory: A+, every one of its tests passed."""
    need(
        (SCANNER.parent / "node_modules").is_dir(),
        "MDN's HTTP Observatory is not installed (npm install)",
    )
    run = subprocess.run(
        ["node", SCANNER, f"{NAME}:{desk.port}"],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(desk.home / "ca.pem")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == run.returncode, run.stderr
    found = json.loads(run.stdout)
    assert [] == [result for result in found["results"] if not result[1]]
    assert "A+" == found["grade"]
    assert found["score"] >= 140, found


def test_testssl_finds_nothing_above_low(desk: Deployment) -> None:
    """testssl.sh: protocols, ciphers, certificate, headers and known attacks, nothing above LOW.

    But the trust chain: an authority of one's own offers no revocation list.
    """
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    need(program is not None, "testssl.sh is not installed")
    report = desk.home / "testssl.json"
    run = subprocess.run(
        [
            *(str(program), "--quiet", "--color", "0", "--warnings", "off"),
            *("--openssl-timeout", "5", "--add-ca", str(desk.home / "ca.pem")),
            *("-p", "-s", "-f", "-P", "-S", "-h", "-U", "--jsonfile", str(report)),
            *("--ip", "127.0.0.1", f"https://{NAME}:{desk.port}"),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert report.is_file(), run.stdout[-2000:]
    found = {item["id"]: item for item in json.loads(report.read_text())}
    assert ["not offered"] * 4 == [
        found[protocol]["finding"] for protocol in ("SSLv2", "SSLv3", "TLS1", "TLS1_1")
    ]
    assert "OK" == found["TLS1_3"]["severity"]
    bad = {
        name: item["finding"]
        for name, item in found.items()
        if item["severity"] in ("MEDIUM", "HIGH", "CRITICAL")
    }
    assert {"cert_revocation"} == bad.keys(), bad
