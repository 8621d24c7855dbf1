"""Second factors, challenges and grants. Knows nothing of Rasa."""

from gatehouse.stepup.binding import Resume
from gatehouse.stepup.challenges import Challenge
from gatehouse.stepup.codes import looks_like_code, parse_code
from gatehouse.stepup.grants import Grant
from gatehouse.stepup.recovery import RecoveryCodes
from gatehouse.stepup.refusals import (
    ChallengeRefused,
    CodeRefused,
    GrantRefused,
    StepUpUnavailable,
)
from gatehouse.stepup.service import StepUp
from gatehouse.stepup.totp import Enrolment, Totp

__all__ = [
    "Challenge",
    "ChallengeRefused",
    "CodeRefused",
    "Enrolment",
    "Grant",
    "GrantRefused",
    "RecoveryCodes",
    "Resume",
    "StepUp",
    "StepUpUnavailable",
    "Totp",
    "looks_like_code",
    "parse_code",
]
