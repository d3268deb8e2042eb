"""The demo's drive of last year: over, with what it reached, what was promised and kept, and the report as it was sent to donors."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.utils import timezone

from campaigns.activities.blueprints import AWARENESS
from campaigns.activities.models import Activity, Objective, TeamMember
from campaigns.activities.starting import begin_from
from campaigns.activities.states import State, TeamRole
from campaigns.commitments.models import Commitment
from campaigns.demo.contacts import heads_of, talk
from campaigns.demo.country_plans import Colleagues
from campaigns.demo.positions import walk_all
from campaigns.demo.results import Outcomes, keep_results
from campaigns.planning.models import Campaign, Drive
from campaigns.planning.services import create_drive
from campaigns.positions.models import Ask
from campaigns.results.figures import Scope
from campaigns.results.snapshots import freeze
from contacts.directory.models import Constituency, Country, Membership, Organization
from crm.accounts.models import User
from crm.accounts.rules import Role

SEED = 2001
COUNTRIES = ("CI", "GH", "KE", "NP")
BEGAN, ENDED, TOLD = 388, 318, 296  # days ago
NOTES = {
    "call": [
        "Had seen the figures in the newspaper, and asked where they come from.",
        "Will say a word on coverage at the congress. Wants two sentences from us.",
        "Not for us this year, they said; ask again after the elections of the board.",
    ],
    "meeting": [
        "Showed the figures by sex. The director had not known that two of three are women.",
        "They offered their hall for the public event, and the chair will open it.",
    ],
    "letter": ["The figures on one page, with a request to print them in the newsletter."],
    "message": ["Thanks for the article. Link to the other countries."],
}
RESULTS: Outcomes = [
    (
        3, "output", "Key actors know the figures, and have heard them from somebody they trust",
        [("Institutions that were reached both ways", "institutions", 0, 20, [
            (352, 9, "Log of calls and meetings of the first five weeks.", "Our own contacts: output, not outcome.", True),
            (316, 17, "Log of calls and meetings, whole drive.", "Our own contacts: output, not outcome.", True),
        ])],
    ),
    (
        1, "outcome", "Institutions say in public who is covered, and who is not",
        [("Statements, speeches and articles that name the figures", "texts", 0, 12, [
            (312, 14, "List of fourteen texts with their dates; each was read.", "Six quote our page. The others quote the statistics office, as we had asked them to.", True),
        ])],
    ),
]  # fmt: skip
# side, place of its country, text, state, what came of it
PROMISES = [
    ("WRK", 0, "Print the figures in the members’ newsletter.", "kept", "Issue of the month, page 3; filed."),
    ("GOV", 1, "Name the figures in the speech on the World Day of Social Justice.", "kept", "The text of the speech is on the ministry’s site."),
    ("EMP", 2, "Send a speaker to the public event.", "kept", "Spoke for ten minutes; see the programme."),
    ("CSO", 3, "Translate the page of figures into three languages.", "broken", "One of three was done; the money for the others went elsewhere."),
]  # fmt: skip


def make_last_year(*, campaign: Campaign, users: dict[Role, User], colleagues: Colleagues, now: datetime) -> Drive:
    today, planner = now.date(), colleagues.planner
    countries = [Country.objects.get(pk=code) for code in COUNTRIES]
    drive = create_drive(
        actor=planner, campaign=campaign, name="Awareness: who is covered, and who is not", owner=planner,
        goal="Key actors in four countries know the figures and say them in public.",
        starts_on=today - timedelta(days=BEGAN), ends_on=today - timedelta(days=ENDED), status=Drive.Status.FINISHED,
        countries=countries, constituencies=list(Constituency.objects.filter(code__in=["GOV", "EMP", "WRK", "SSI", "CSO"])),
    )  # fmt: skip
    for user, role in (
        (planner, TeamRole.LEAD),
        (colleagues.first, TeamRole.OUTREACH),
        (users[Role.EDITOR], TeamRole.COMMUNICATION),
        (users[Role.VIEWER], TeamRole.EXPERT),
    ):
        TeamMember.objects.create(drive=drive, user=user, role=role)
    begin_from(actor=planner, drive=drive, blueprint=AWARENESS, starts_on=drive.starts_on)
    _finish(drive)
    rng = random.Random(SEED)  # noqa: S311 the same demo each time
    heads = heads_of(countries)
    chosen = rng.sample(heads, len(heads) * 2 // 3)
    talk(
        rng,
        chosen,
        officers=[colleagues.first, planner],
        now=now,
        ago=(ENDED, BEGAN - 1),
        most=2,
        notes=NOTES,
        steps=(),
    )
    [ask] = Ask.objects.filter(drive=drive)
    walk_all(drive, [(ask, 0.7)], [colleagues.first, planner], now, seed=SEED, days=range(ENDED, BEGAN))
    _promises(drive, ask, countries, users, now)
    keep_results(
        RESULTS,
        campaign=campaign,
        drive=drive,
        is_own=True,
        users=users,
        now=now,
        start=drive.starts_on,
        days=BEGAN - ENDED,
    )
    return drive


def close_last_year(drive: Drive, *, colleagues: Colleagues, now: datetime) -> None:
    """The report as it was sent, once its mailing has left."""
    planner = colleagues.planner
    with timezone.override(timezone.get_default_timezone()):
        freeze(
            actor=planner, scope=Scope(drive.campaign, drive, drive.starts_on, drive.ends_on, planner),
            title="To the donors: what the awareness drive moved", at=now - timedelta(days=TOLD),
        )  # fmt: skip


def _finish(drive: Drive) -> None:
    """All of it was done, on its day or some days later; one visit was given up."""
    rows = list(Activity.objects.filter(drive=drive).order_by("starts_on", "pk"))
    visits = [row for row in rows if row.country_id]
    for number, row in enumerate(rows):
        row.state = State.DONE
        row.done_on = min(drive.ends_on, row.due_on + timedelta(days=number % 3))
        if row is visits[-1]:
            row.state, row.done_on, row.note = State.DROPPED, None, "Moved into the drive that followed."
        row.save(update_fields=["state", "done_on", "note", "updated_at"])
    Objective.objects.filter(drive=drive).update(target=20, reached=17, reached_on=drive.ends_on)


def _promises(drive: Drive, ask: Ask, countries: list[Country], users: dict[Role, User], now: datetime) -> None:
    for number, (side, place, text, state, outcome) in enumerate(PROMISES):
        organization = Organization.objects.filter(country=countries[place], constituency__code=side).order_by("pk")[0]
        head = Membership.objects.current().filter(organization=organization, post__is_head=True).first()
        settled = now - timedelta(days=ENDED + 12 - 3 * number)
        Commitment.objects.create(
            organization=organization, drive=drive, ask=ask, text=text, made_on=drive.starts_on + timedelta(days=20 + number),
            due_on=settled.date() + timedelta(days=2), evidence="Said on the phone, and confirmed in writing.",
            promised_by=head.person if head else None, heard_on=settled.date(), is_public=state == "kept",
            owner=users[Role.PLANNER], recorded_by=users[Role.PLANNER], state=state, outcome=outcome,
            settled_by=users[Role.PLANNER], settled_at=settled, verified_by=users[Role.ADMIN],
            verified_at=settled + timedelta(days=9),
        )  # fmt: skip
