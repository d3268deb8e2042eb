"""Mailings over REST: written, approved and sent by the same services as on the screens."""

from campaigns.mailings.api.mailings import MailingResource
from campaigns.mailings.api.roads import SenderResource, TransportResource
from crm.api.registry import Section

SECTIONS = [
    Section(
        "Mailings",
        "From draft to report: write a language at a time, look at the pre-flight, ask for approval, approve exactly what was "
        "looked at, schedule or send, pause, resume, cancel. What cannot be done in its state answers 409 with `allowed`.",
        [("mailings", MailingResource), ("senders", SenderResource), ("transports", TransportResource)],
        order=60,
    )
]
