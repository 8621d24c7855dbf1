"""A button that is pressed a second time, and another one of the same question."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    offered = browser.say(trial.site.words.offers_buttons).buttons
    if not offered:
        cannot("no buttons were offered")
    unknown = browser.press("x" * 22).text
    browser.press(offered[0])
    trial.hold(browser.press(offered[0]).text == unknown, "a button works twice")
    for other in offered[1:2]:
        trial.hold(
            browser.press(other).text == unknown, "two buttons of the same question both work"
        )


ATTACK = Attack(
    id="button-replay",
    title="Press a button twice, and two buttons of one question",
    stride=("T",),
    asvs=("V2.3.1", "V2.3.4"),
    severity="medium",
    expects="Only the first press counts.",
    mend="Use up all buttons of a question with the first that is pressed.",
    attempt=attempt,
    needs="account",
)
