"""The report as JUnit XML, which every CI system shows.

An attack is a test case: a finding is a failure, and what was not run is skipped, with the reason. A
run that was interrupted has one case more, with an error: CI must not take it for a whole one.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from gatehouse.clock import as_iso
from gatehouse.ops.selftest.engine import INTERRUPTED, Report


def as_junit(report: Report) -> str:
    """The report as XML text."""
    suite = ET.Element(
        "testsuite",
        name="gatehouse selftest",
        hostname=report.target,
        timestamp=as_iso(report.made),
        tests=str(len(report.results) + int(report.interrupted)),
        failures=str(len(report.having("failed"))),
        errors=str(int(report.interrupted)),
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
    if report.interrupted:
        case = ET.SubElement(
            suite, "testcase", classname="gatehouse.selftest", name="the whole run"
        )
        ET.SubElement(case, "error", type="interrupted", message=INTERRUPTED)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """`text` without what XML 1.0 cannot hold; answers of the target may be quoted in it."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)
