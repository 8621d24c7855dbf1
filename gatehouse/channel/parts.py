"""The parts of the channel and how they hang together, made once when a serving process starts.

The only place that knows them all; each part gets what it needs and nothing to look up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.channel import cookies
from gatehouse.channel.account import Account
from gatehouse.channel.admission import Admission
from gatehouse.channel.answers import Answers
from gatehouse.channel.arriving import Arriving
from gatehouse.channel.authenticators import OwnAuthenticators
from gatehouse.channel.challenges import Challenges
from gatehouse.channel.door import Door
from gatehouse.channel.downloads import Downloads
from gatehouse.channel.event_stream import EventStream
from gatehouse.channel.front_ends import FrontEndPages
from gatehouse.channel.headers import header_set
from gatehouse.channel.hooks import Hooks
from gatehouse.channel.messages import Messages
from gatehouse.channel.own_password import OwnPassword
from gatehouse.channel.pages import Pages, Wording, wording_of
from gatehouse.channel.probes import Probes, read_token
from gatehouse.channel.provider import ProviderPages
from gatehouse.channel.refusals import Refusals
from gatehouse.channel.sending import Sending
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.shedding import Shedding
from gatehouse.channel.signing_in import SigningIn
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.stored import Stored
from gatehouse.channel.streams import Streams
from gatehouse.channel.turn_loop import TurnLoop
from gatehouse.channel.turns import Turns
from gatehouse.health import Readiness, probes

if TYPE_CHECKING:
    from rasa.core.agent import Agent


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers requests in one process, by the names that `routes` uses."""

    admission: Admission
    arriving: Arriving
    shedding: Shedding
    windows: Windows
    streams: Streams
    sending: Sending
    turn_loop: TurnLoop
    headers: Mapping[str, str]
    signing_in: SigningIn
    front_ends: FrontEndPages
    provider: ProviderPages
    messages: Messages
    challenges: Challenges
    events: EventStream
    downloads: Downloads
    account: Account
    password: OwnPassword
    own: OwnAuthenticators
    stored: Stored
    hooks: Hooks
    pages: Pages
    probes: Probes
    readiness: Readiness
    refusals: Refusals


def made(services: Services, wording: Wording | None, agent: Callable[[], Agent]) -> Parts:
    """The parts of a process that serves with `services`; `agent` gives Rasa's once it is loaded."""
    settings = services.settings
    admission = Admission(settings)
    readiness = Readiness(probes(services))
    windows = Windows(services.clock, settings, services.ring)
    shedding = Shedding(cookies.SESSION, settings.limits.strangers_per_second)
    streams = Streams()
    sending = Sending()
    turn_loop = TurnLoop()
    turns = Turns(services, agent, turn_loop)
    door = Door(services.clock, services.ring.service_key("door"))
    speakers = Speakers(services, admission, windows, shedding)
    answers = Answers(services, speakers, turns, windows, streams)
    signing_in = SigningIn(services, admission, speakers, answers, windows, shedding, door)
    return Parts(
        admission=admission,
        arriving=Arriving(admission),
        shedding=shedding,
        windows=windows,
        streams=streams,
        sending=sending,
        turn_loop=turn_loop,
        headers=header_set(settings.server.origin, settings.server.framed_by),
        signing_in=signing_in,
        front_ends=FrontEndPages(services, admission, speakers, answers, signing_in, windows),
        provider=ProviderPages(services, admission, speakers, answers, signing_in, windows),
        messages=Messages(services, speakers, answers, turns),
        challenges=Challenges(services, speakers, answers, turns, sending),
        events=EventStream(services, speakers, streams),
        downloads=Downloads(services, speakers, turns),
        account=Account(services, speakers, answers),
        password=OwnPassword(services, admission, speakers, signing_in, answers, streams),
        own=OwnAuthenticators(services, speakers, streams, sending),
        stored=Stored(services, speakers, answers, turns),
        hooks=Hooks(services, admission, windows),
        pages=Pages(
            wording or wording_of(settings),
            settings.limits.text,
            door,
            settings.provider,
        ),
        probes=Probes(services, readiness, admission, windows, read_token(settings)),
        readiness=readiness,
        refusals=Refusals(services.audit, services.clock),
    )
