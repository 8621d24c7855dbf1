"""The page that is signed, and the rules in words."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from gatehouse.policy.words import duration, rule_sentence

PAY = "  - {{id: x, why: For a reason., effect: {}, intents: view_pay{}}}\n"


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("effect", "more", "expected"),
    [
        ("allow", ", roles: employee", "People with the role employee may use view_pay."),
        ("allow", ", roles: any", "All people may use view_pay."),
        (
            "allow",
            (
                ", roles: employee, when: {subject: self, channel: web}, "
                "step_up: {level: aal2, max_age: 5m}"
            ),
            (
                "People with the role employee may use view_pay, but only if it is about their own data "
                "and the channel is web, after a code not older than 5 minutes."
            ),
        ),
        (
            "allow",
            ", roles: any, step_up: {level: aal2-phishing-resistant, max_age: every_request}",
            "All people may use view_pay, after a passkey for every single request.",
        ),
        (
            "allow",
            ", roles: any, step_up: {level: aal1, max_age: 5m}",
            "All people may use view_pay, after a code, one by e-mail too, not older than 5 minutes.",
        ),
        ("deny", "", "Nobody may use view_pay. The answer is: “No.”"),
        (
            "deny",
            ", except_roles: manager, when: {session_age: {min: 90m}}, say: utter_closed",
            (
                "People without the role manager may not use view_pay if they signed in at least "
                "90 minutes ago. The answer is: utter_closed"
            ),
        ),
        (
            "step_up",
            ", groups: team, step_up: {level: aal2, max_age: every_request, ask: at_confirmation}",
            (
                "For approve and view_pay, all people need a code for every single request, asked for "
                "when they confirm, if another rule allows it at all."
            ),
        ),
        (
            "deny",
            ", groups: talk, valid_until: 2027-01-31",
            (
                "Nobody may use anything about talk (greet, inform, nlu_fallback, out_of_scope) and "
                "view_pay if the date is until 2027-01-31. The answer is: “No.”"
            ),
        ),
    ],
)
def test_a_rule_is_said_in_plain_english(compiled, effect, more, expected):
    """Who, what, under which conditions, with which code and which answer: nothing is left out."""
    policies = compiled(PAY.format(effect, more))
    (rule,) = (rule for rule in policies.rules if rule.id == "x")
    assert expected == rule_sentence(rule, policies.vocabulary, {"utter_refused": "No."})


def test_every_condition_of_a_rule_is_in_its_sentence(compiled):
    """However many there are."""
    when = (
        "subject: team, department: sales, network_zone: outside, hours: '08:00-18:00', "
        "weekdays: mon-fri, confidence: {min: 0.5}, refusals: {max: 2}, served: greet"
    )
    policies = compiled(PAY.format("deny", f", when: {{{when}}}"))
    (rule,) = (rule for rule in policies.rules if rule.id == "x")
    sentence = rule_sentence(rule, policies.vocabulary)
    for word in ("team", "sales", "outside", "08:00 to 18:00", "fri", "0.5", "2", "greet"):
        assert word in sentence
    assert 8 == len(rule.clauses)


def test_durations_are_said_in_the_largest_fitting_unit():
    """So that nobody has to calculate."""
    assert ["1 minute", "90 seconds", "2 hours", "1 day"] == [
        duration(seconds) for seconds in (60, 90, 7200, 86400)
    ]


@pytest.fixture
def report(project, run):
    """The report of a project whose rules and responses contain markup."""
    path = project / "policies" / "case.yml"
    path.write_text(path.read_text().replace("Own pay.", "<script>alert(1)</script> & pay."))
    run("report", "--out", str(project / "report.html"), "--title", "<b>Pay</b>")
    return (project / "report.html").read_text()


def test_the_report_is_one_file_that_needs_nothing(report):
    """No script, nothing loaded, and a policy for the browser that forbids both."""
    page = Page(report)
    assert set() == {"script", "img", "link", "iframe", "form"} & set(page.tags)
    assert set() == {"src", "href", "style", "onclick"} & {name for name, _ in page.attributes}
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in report
    assert "url(" not in style[1]


def test_nothing_of_the_policies_is_taken_for_markup(report):
    """What somebody wrote into a rule is shown as it stands."""
    assert "<script" not in report
    assert "<script>alert(1)</script> & pay." in Page(report).text
    assert "<b>Pay</b>" in Page(report).text


def test_the_report_holds_everything_that_is_signed(report, run):
    """Matrix, rules in words, tests, retention, the revision, and a place for signatures."""
    text = Page(report).text
    revision = json.loads(run("check", "--json").stdout)["revision"]
    for expected in (
        revision,
        "Who may ask what",
        "People with the role employee may use view_pay, but only if",
        "Pay 1",
        "How long conversations are kept",
        "Date, signature",
    ):
        assert expected in text
    assert 10 * 3 == len(re.findall(r'<td class="(?:allow|step_up|deny)"', report))


def test_the_report_says_what_changed(project, run):
    """Since a directory or a revision, with the verdict; JSON has the rules in words."""
    before = project / "before"
    before.mkdir()
    for path in (project / "policies").glob("*.yml"):
        (before / path.name).write_text(path.read_text().replace("max_age: 5m", "max_age: 2m"))
    page = Page(run("report", "--since", str(before)).stdout)
    assert "Somebody gets more than before; nobody gets less." in page.text
    found = json.loads(run("report", "--since", str(before), "--json").stdout)
    assert ("widens", 4) == (found["verdict"], len(found["rules"]))
    assert any("may use view_pay" in rule["words"] for rule in found["rules"])


def test_the_matrix_alone_is_a_page_too(run):
    """For those who only want the table."""
    page = Page(run("matrix", "--html").stdout)
    assert ("table" in page.tags, "Date, signature" in page.text) == (True, False)
