"""Templates of a drive: what is done in which order, by whom, how many days after the start; what is to be reached; what is asked.

The steps of a country action plan are those that the field works by: diagnosis of needs that nobody meets, training and policy
discussion with stakeholders, stronger institutions and social dialogue, a plan made and carried out, networks of supportive
individuals and institutions, monitoring and evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from campaigns.activities.states import Kind, TeamRole

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

R, K = TeamRole, Kind


@dataclass(frozen=True)
class Step:
    """first, last: days after the start. after: keys of earlier steps. each: once in every country."""

    key: str
    name: StrOrPromise
    kind: Kind
    role: TeamRole
    first: int
    last: int
    after: tuple[str, ...] = ()
    each: bool = False


@dataclass(frozen=True)
class Goal:
    """target: a number, or None for as many as there are countries. day: days after the start."""

    name: StrOrPromise
    unit: StrOrPromise
    day: int
    target: int | None = None


@dataclass(frozen=True)
class Blueprint:
    code: str
    label: StrOrPromise
    about: StrOrPromise
    icon: str
    steps: tuple[Step, ...]
    goals: tuple[Goal, ...]
    asks: tuple[tuple[StrOrPromise, StrOrPromise], ...] = field(default_factory=tuple)  # what, done when

    @property
    def days(self) -> int:
        return max(step.last for step in self.steps) + 1


AWARENESS = Blueprint(
    "awareness",
    _("Awareness"),
    _("Key actors know the figures, know why they matter to them, and have heard it from somebody whom they trust."),
    "speakerphone",
    (
        Step("facts", _("Figures and stories, with their sources"), K.PUBLICATION, R.EXPERT, 0, 13),
        Step("voices", _("Win messengers whom each side listens to"), K.CALL_ROUND, R.OUTREACH, 14, 20, ("facts",)),
        Step("first", _("First mailing: the figures"), K.MAILING, R.COMMUNICATION, 21, 22, ("facts",)),
        Step("visit", _("Meet the sides that do not read mail"), K.MEETING, R.OUTREACH, 24, 34, ("voices",), each=True),
        Step("event", _("Public event with the messengers"), K.EVENT, R.COMMUNICATION, 42, 42, ("voices", "first")),
        Step("second", _("Second mailing: what was said"), K.MAILING, R.COMMUNICATION, 47, 48, ("event",)),
        Step("look", _("Who moved from unaware to interested?"), K.OTHER, R.MONITORING, 56, 59, ("second",)),
    ),
    (Goal(_("Institutions that were reached both ways"), _("institutions"), 59, 60),),
    ((_("Know the figures, and say so in public"), _("A statement, speech or article names them.")),),
)
ACTION_PLAN = Blueprint(
    "country-action-plan",
    _("Country action plan"),
    _("From a diagnosis of needs that nobody meets to a national plan, made and carried out by the sides together."),
    "map-2",
    (
        Step("needs", _("Diagnosis of needs that nobody meets"), K.PUBLICATION, R.EXPERT, 0, 27, each=True),
        Step("invite", _("Invitation to the policy discussion"), K.MAILING, R.COMMUNICATION, 14, 15),
        Step("train", _("Training of stakeholders"), K.EVENT, R.EXPERT, 35, 37, ("needs",), each=True),
        Step("talks", _("Policy discussion with all sides"), K.MEETING, R.LEAD, 42, 43, ("train", "invite"), each=True),
        Step("institutions", _("Strengthen institutions and social dialogue"), K.OTHER, R.PARTNERS, 49, 90, ("talks",), each=True),
        Step("draft", _("Formulate the action plan"), K.OTHER, R.LEAD, 56, 97, ("talks",), each=True),
        Step("adopt", _("Action plan before the government"), K.EVENT, R.LEAD, 105, 106, ("draft",), each=True),
        Step("carry", _("Carry out the first measures"), K.OTHER, R.PARTNERS, 112, 168, ("adopt", "institutions"), each=True),
        Step("network", _("Network of supportive individuals and institutions"), K.OTHER, R.PARTNERS, 49, 140, ("invite",)),
        Step("review", _("Monitoring and evaluation with all sides"), K.MEETING, R.MONITORING, 175, 176, ("carry",), each=True),
    ),
    (
        Goal(_("Diagnoses discussed by all sides"), _("countries"), 43),
        Goal(_("National action plans adopted"), _("countries"), 106),
    ),
    (
        (_("Take part in the policy discussion with a mandate"), _("Somebody with a mandate took part.")),
        (_("Adopt a national action plan"), _("The plan is adopted, with dates and money.")),
    ),
)  # fmt: skip
NETWORK = Blueprint(
    "network-building",
    _("Network building"),
    _("Individuals and institutions that support the campaign find each other, and do something together."),
    "affiliate",
    (
        Step("map", _("Map who supports already, and who is missing"), K.OTHER, R.PARTNERS, 0, 13),
        Step("calls", _("Ask them one by one"), K.CALL_ROUND, R.OUTREACH, 14, 34, ("map",), each=True),
        Step("charter", _("Draft what the network stands for"), K.PUBLICATION, R.LEAD, 14, 30, ("map",)),
        Step("invite", _("Invitation to the first meeting"), K.MAILING, R.COMMUNICATION, 35, 36, ("calls", "charter")),
        Step("meet", _("First meeting of the network"), K.EVENT, R.PARTNERS, 49, 49, ("invite",)),
        Step("act", _("First action together"), K.OTHER, R.PARTNERS, 63, 77, ("meet",), each=True),
        Step("look", _("Who stayed, who brought others?"), K.OTHER, R.MONITORING, 84, 86, ("act",)),
    ),
    (Goal(_("Institutions that joined"), _("institutions"), 86, 40),),
    ((_("Join the network, and name a focal point"), _("The focal point is known and has answered.")),),
)
WINDOW = Blueprint(
    "policy-window",
    _("Policy window"),
    _("A dated chance, such as a budget debate: be ready before it, present during it, and thankful after it."),
    "door-enter",
    (
        Step("read", _("Who decides, when, on what text?"), K.OTHER, R.EXPERT, 0, 4, each=True),
        Step("brief", _("Brief of two pages"), K.PUBLICATION, R.EXPERT, 5, 10, ("read",), each=True),
        Step("allies", _("Agree with allies on who says what"), K.MEETING, R.LEAD, 11, 12, ("brief",), each=True),
        Step("letter", _("Letter to those who decide"), K.MAILING, R.COMMUNICATION, 14, 15, ("brief",)),
        Step("calls", _("Call those who have not answered"), K.CALL_ROUND, R.OUTREACH, 18, 24, ("letter",), each=True),
        Step("day", _("The day itself: be there, report at once"), K.EVENT, R.LEAD, 28, 30, ("allies", "calls"), each=True),
        Step("thanks", _("Thank, and write down what was promised"), K.CALL_ROUND, R.OUTREACH, 31, 35, ("day",), each=True),
    ),
    (Goal(_("Decisions that took up what we asked"), _("countries"), 35),),
    ((_("Put social security into this decision"), _("The text that was decided has it.")),),
)  # fmt: skip
BLUEPRINTS = {blueprint.code: blueprint for blueprint in (AWARENESS, ACTION_PLAN, NETWORK, WINDOW)}
