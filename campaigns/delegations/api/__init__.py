"""Delegations over REST: composed, asked for, named and decided by the same services as on the screens."""

from campaigns.delegations.api.compositions import CompositionResource
from campaigns.delegations.api.delegations import DelegationResource
from campaigns.delegations.api.nominations import NominationResource
from campaigns.delegations.api.nominators import NominatorResource
from campaigns.delegations.api.steps import StepResource
from crm.api.registry import Section

SECTIONS = [
    Section(
        "Delegations",
        "The seats of countries and institutions at events: compose them, ask who names people, name somebody or decide about a name, and see to "
        "what each delegate needs before the journey. What cannot be done any more answers 409.",
        [
            ("event-compositions", CompositionResource),
            ("event-delegations", DelegationResource),
            ("event-nominators", NominatorResource),
            ("event-nominations", NominationResource),
            ("event-delegate-steps", StepResource),
        ],
        order=59,
    )
]
