"""What a pre-flight says: one line, how bad it is, and the page where it is mended or seen."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from campaigns.mailings.models import Mailing

BAD, WARN, OK = "bad", "warn", "ok"


@dataclass(frozen=True)
class Finding:
    """One line of "What to look at"."""

    kind: str
    icon: str
    title: str
    why: str = ""
    url: str = ""
    step: str = ""


def people_url(mailing: Mailing, **query: str) -> str:
    return f"{reverse('mailing_preflight_people', args=[mailing.uid])}?{urlencode(query)}"
