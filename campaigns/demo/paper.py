"""The demo's paper: a trip that was reported and one that is being written, letters in and out, how a few names are said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from anyascii import anyascii

from campaigns.correspondence.services import register_letter
from campaigns.dropbox.addresses import address_of
from campaigns.dropbox.services import make_dropbox
from campaigns.missions.services import Heard, Met, Next, Promised, file_mission, keep_draft, start_mission
from campaigns.outreach.services import handle, take_in
from campaigns.planning.models import Drive
from campaigns.positions.ladder import Stance
from campaigns.positions.models import Ask
from contacts.directory.models import Country, Membership
from contacts.directory.services import edit_person
from crm.accounts.models import User

HEARD = [
    "The minister wants the plan before the budget, and asks for the cost of the first three years. The deputy will be our contact.",
    "They fear that small firms cannot pay. Open to a first step with public transport and construction.",
    "The general secretary supports it, and asks that domestic workers are named in the text.",
]
_V = "aeiouyàáâäèéêëìíîïòóôöùúûü"
_SYLLABLE = re.compile(rf"[^{_V}]*[{_V}]+(?:[^{_V}]+$|[^{_V}](?=[^{_V}]))?")


def make_paper(*, drive: Drive, officers: Sequence[User], countries: Sequence[Country], now: datetime) -> None:
    """officers: who travels, and who plans."""
    held = _heads(countries)
    if len(held) < 8:  # a demo of a few countries has no trips
        return
    for one in held[:40]:
        edit_person(person=one.person, actor=officers[1], changes={"pronunciation": said(one.person.name)})
    asks = list(Ask.objects.filter(drive=drive, archived_at=None).order_by("place"))
    _report(drive, asks, officers[0], held[:3], now)
    _draft(drive, officers[0], held[3], now)
    _letters(officers, held[4:8], now)
    _own_mail(officers[0], held[7], now)


PLAN = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def _own_mail(officer: User, held: Membership, now: datetime) -> None:
    """What an officer sent from their own mail program: one message that is filed, with its attachment, and one that waits."""
    point = held.person.contact_points.filter(kind="email").first()
    if point is None:
        return
    recipient = address_of(make_dropbox(actor=officer))
    for number, (days, to, subject, text) in enumerate(
        (
            (6, f"{held.person.name} <{point.value}>", "The outline of the plan", "As promised: the outline that we talked about, two pages."),
            (1, "Permanent mission <mission@office.example>", "Who attends in January", "Could you tell us by Friday who will attend?"),
        )
    ):  # fmt: skip
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = f"{officer.name} <{officer.email}>", to, subject
        message["Date"], message["Message-ID"] = (
            format_datetime(now - timedelta(days=days)),
            f"<demo-{number}@{officer.pk}>",
        )
        message.set_content(text)
        if not number:
            message.add_attachment(PLAN, maintype="application", subtype="pdf", filename="outline.pdf")
        inbound = take_in(
            raw=message.as_bytes(), recipient=recipient, sender=officer.email, at=now - timedelta(days=days)
        )
        handle(inbound_id=inbound.pk)


def _heads(countries: Sequence[Country]) -> list[Membership]:
    """Heads of institutions that nothing holds us back from, by place."""
    rows = Membership.objects.current().primary().filter(organization__country__in=countries, post__is_head=True)
    free = rows.filter(organization__contact_guard__isnull=True, organization__quiet_dates__isnull=True)
    return list(free.select_related("person", "organization").order_by("organization__country", "organization_id"))


def said(name: str) -> str:
    """A reading aid of the kind that people write: syllables, the last but one stressed."""
    return " ".join(_syllables(word) for word in anyascii(name).split()[:3])


def _syllables(word: str) -> str:
    """A consonant between vowels begins the next syllable, the second of two does; a word of one syllable has no stress to show."""
    parts = _SYLLABLE.findall(word.lower()) or [word]
    stressed = max(0, len(parts) - 2)
    return "-".join(each.upper() if place == stressed and len(parts) > 1 else each for place, each in enumerate(parts))


def _report(drive: Drive, asks: Sequence[Ask], officer: User, held: Sequence[Membership], now: datetime) -> None:
    began = (now - timedelta(days=24)).date()
    mission = start_mission(
        actor=officer,
        title="Three days before the budget",
        starts_on=began,
        ends_on=began + timedelta(days=2),
        drive=drive,
    )
    mission.summary = (
        "Met the ministry and both social partners before the budget debate. The ministry wants figures by next month; employers stay"
        " careful, and are open to a first step; workers support it."
    )
    mission.save(update_fields=["summary"])
    stances = (Stance.SUPPORTIVE, Stance.SCEPTICAL, Stance.CHAMPION)
    meetings = [
        Met(
            key=f"m{number}", on=began + timedelta(days=number), people=[one.person], organizations=[one.organization], text=HEARD[number],
            heard=[Heard(asks[0], stances[number])] if asks else [],
            promised=[Promised("Put the plan on the agenda of the tripartite committee", (now + timedelta(days=40)).date(), asks[0] if asks else None)]
            if number == 0 else [],
            following=[Next("Send the costing of the first three years", (now + timedelta(days=5)).date())] if number == 0 else [],
        )
        for number, one in enumerate(held)
    ]  # fmt: skip
    file_mission(mission=mission, actor=officer, meetings=meetings)


def _draft(drive: Drive, officer: User, held: Membership, now: datetime) -> None:
    began = (now - timedelta(days=2)).date()
    mission = start_mission(
        actor=officer, title="Round table: the preparing visit", starts_on=began, ends_on=now.date(), drive=drive
    )
    data = {
        "title": [mission.title], "starts_on": [began.isoformat()], "ends_on": [now.date().isoformat()], "drive": [str(drive.uid)],
        "meeting": ["m1"], "m1-on": [began.isoformat()], "m1-text": ["Who sits where, who speaks first. To be gone on with."],
        "m1-parties": [f"organization:{held.organization.uid}"],
    }  # fmt: skip
    keep_draft(mission=mission, actor=officer, data=data, header={}, version=0, tab=None)


def _letters(officers: Sequence[User], held: Sequence[Membership], now: datetime) -> None:
    """One that was answered, one that waits for us and is late, one that waits for them."""
    day, officer = now.date(), officers[0]
    first, second, third, _fourth = held
    asked = register_letter(
        actor=officer, way="in", organization=first.organization, person=first.person, on=day - timedelta(days=30), ours="Director",
        subject="Request for technical advice on the draft law", their_reference="MT/SG/118", responsible=officer,
        answer_due_on=day - timedelta(days=9),
    )  # fmt: skip
    register_letter(
        actor=officer, way="out", organization=first.organization, person=first.person, on=day - timedelta(days=12), ours="Director",
        subject="Advice on the draft law, with comments article by article", copies="Permanent mission in Geneva", answers=asked,
    )  # fmt: skip
    register_letter(
        actor=officer, way="in", organization=second.organization, person=second.person, on=day - timedelta(days=16), ours="Campaign team",
        subject="Invitation to speak before the social affairs committee", responsible=officer, answer_due_on=day - timedelta(days=1),
    )  # fmt: skip
    register_letter(
        actor=officers[1], way="out", organization=third.organization, person=third.person, on=day - timedelta(days=6), ours="Director",
        subject="Nomination of a focal point for the action plan", responsible=officers[1], answer_due_on=day + timedelta(days=12),
    )  # fmt: skip
