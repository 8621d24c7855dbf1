"""The report as JUnit XML, which every CI system shows.

An attack is a test case: a finding is a failure, and what was not run is skipped, with the reason.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from gatehouse.clock import as_iso
from gatehouse.ops.selftest.engine import Report


def as_junit(report: Report) -> str:
    """The report as XML text."""
    suite = ET.Element(
        "testsuite",
        name="gatehouse selftest",
        hostname=report.target,
        timestamp=as_iso(report.made),
        tests=str(len(report.results)),
        failures=str(len(report.having("failed"))),
        errors="0",
        skipped=str(len(report.having("not_run"))),
        time=f"{report.seconds:.1f}",
    )
    for result in report.results:
        attack = result.attack
        case = ET.SubElement(
            suite,
            "testcase",
            classname="gatehouse.selftest",
            name=f"{attack.id}: {attack.title}",
            time=f"{result.seconds:.2f}",
        )
        said = _printable("\n".join(result.details))
        if result.outcome == "failed":
            failure = ET.SubElement(
                case, "failure", type=attack.severity, message=said.partition("\n")[0]
            )
            failure.text = _printable(f"{said}\n\nmend: {attack.mend}")
        elif result.outcome == "not_run":
            ET.SubElement(case, "skipped", message=said)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """`text` without what XML 1.0 cannot hold; answers of the target may be quoted in it."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)
