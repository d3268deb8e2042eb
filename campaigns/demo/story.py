"""The demo's campaign: users, topics, a sender, a drive for the ten countries with the lowest coverage, two others, segments, mailings.

Two mailings went out weeks ago, with clicks. One goes out through the real engine as soon as the workers run, one is scheduled, one waits for an approver.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from campaigns.activities.models import Activity
from campaigns.delivery.audience import audience_summary
from campaigns.demo import texts
from campaigns.demo.commitments import make_commitments
from campaigns.demo.contacts import begin_round, give_phones, make_contacts
from campaigns.demo.country_plans import COUNTRIES, Colleagues, make_country_plans
from campaigns.demo.delegations import make_delegations
from campaigns.demo.directory import Directory, give_permissions, make_directory
from campaigns.demo.events import make_conference, make_events
from campaigns.demo.face import make_pages
from campaigns.demo.forms import make_survey
from campaigns.demo.last_year import close_last_year, make_last_year
from campaigns.demo.networks import make_network
from campaigns.demo.paper import make_paper
from campaigns.demo.past import send_in_the_past
from campaigns.demo.plan import lead_from_the_plan, make_plan
from campaigns.demo.positions import make_positions
from campaigns.demo.results import make_results, make_windows
from campaigns.demo.sizes import measure_segments
from campaigns.mailings import services as mailing_services
from campaigns.mailings.approval import content_hash
from campaigns.mailings.models import Mailing, Sender, Transport, Variant
from campaigns.planning.models import Campaign, Drive, Pillar
from contacts.consent.models import Suppression, Topic
from contacts.consent.services import suppress_address
from contacts.directory.models import Constituency, Country, IndicatorValue, Organization
from contacts.importing.services import GROWN
from contacts.segments.models import ContactList, ContactListMember, Segment, SegmentVersion
from crm.accounts.demo_users import COLLEAGUES, PASSWORD, USERS
from crm.accounts.models import Grant, Installation, User
from crm.accounts.rules import Role
from crm.statistics import freshen

SEED = 20011
CORE = ("SN", "ML", "GN", "TG")  # the round table in Dakar
Tell = Callable[[str], None]
Users = dict[Role, User]


def load(*, tell: Tell, now: datetime | None = None) -> None:
    """Load the whole demo into an empty installation, in one transaction: half a demo never stays."""
    now = now or timezone.now()
    with transaction.atomic():
        users = _make_users()
        _name_installation()
        topics = _make_topics()
        ten = lowest_coverage(10)
        directory = make_directory(drive_countries={c.code for c in ten}, seed=SEED, today=now.date(), tell=tell)
        tell("recording first permissions")
        give_permissions(directory, topics=topics, now=now)
        _suppress_some(directory)
        freshen(GROWN)  # else what follows is planned for empty tables
        tell("planning the drive")
        sender, transport = _make_sender()
        drive = _make_drive(users, ten, now.date())
        asks = make_positions(drive, [users[Role.PLANNER], users[Role.OUTREACH]], now)
        make_commitments(asks, {role.value: user for role, user in users.items()}, now)
        make_plan(drive=drive, users=users, countries=ten, today=now.date())
        segments = _make_segments(users, ten)
        give_phones([*(country.code for country in ten), *COUNTRIES, *CORE])
        tell("talking to institutions for some months")
        make_contacts(officers=[users[Role.OUTREACH], users[Role.PLANNER]], countries=ten, now=now, seed=SEED)
        called = begin_round(officer=users[Role.OUTREACH], segment=segments["list"])
        tell("noting policy windows, measuring results")
        make_windows(countries=ten, users=users, today=now.date())
        make_results(drive=drive, users=users, now=now)
        make_paper(drive=drive, officers=[users[Role.OUTREACH], users[Role.PLANNER]], countries=ten, now=now)
        tell("planning in three more countries")
        colleagues = _colleagues(users)
        plans = make_country_plans(campaign=drive.campaign, users=users, colleagues=colleagues, now=now)
        tell("bringing a network together")
        make_network(drive.campaign, topics["policy-updates"], now=now, seed=SEED)
        make_survey(drive.campaign, topics["policy-updates"], now=now, seed=SEED)
        tell("inviting to two events")
        dialogue = make_events(
            drive, countries=ten, now=now, seed=SEED, editor=users[Role.EDITOR], topic=topics["policy-updates"]
        )
        lead_from_the_plan(drive, call_round=called, event=dialogue)
        tell("asking ten countries for their delegations")
        conference, officer = make_conference(drive, now=now), users[Role.PLANNER]
        make_delegations(conference, countries=ten, now=now, seed=SEED, officer=officer, sender=sender)
        make_pages(drive)
        common = {"drive": drive, "sender": sender, "transport": transport, "topic": topics["policy-updates"]}
        tell("looking back on four mailings and a drive of last year")
        aware = make_last_year(campaign=drive.campaign, users=users, colleagues=colleagues, now=now)
        _send_all_past(drives=(aware, plans), segment=segments["past"], users=users, common=common, now=now)
        close_last_year(aware, colleagues=colleagues, now=now)
        tell("writing four mailings, in up to three languages")
        _mailing(
            "Nepal: a new day for the policy discussion", texts.NEW_DAY, users[Role.EDITOR], **common | {"drive": plans}
        )
        _write_mailings(users=users, segments=segments, common=common, now=now)
        measure_segments()


def lowest_coverage(count: int) -> list[Country]:
    """The countries whose latest figure is lowest."""
    latest = (
        IndicatorValue.objects.filter(indicator__code="SI_COV_BENFTS", country__isnull=False)
        .order_by("country_id", "-year")
        .distinct("country_id")
        .select_related("country")
    )
    return [value.country for value in sorted(latest, key=lambda v: (v.value, v.country_id))[:count] if value.country]


def _make_users() -> Users:
    users = {}
    for role, name, email, zone in USERS:
        users[role] = User.objects.create_user(email, PASSWORD, name=name, time_zone=zone)
        Grant.objects.create(user=users[role], role=role)
    return users


def _colleagues(users: Users) -> Colleagues:
    """More officers: who works for three other countries, and who stands in for whom."""
    others = []
    for role, name, email, zone in COLLEAGUES:
        user = User.objects.create_user(email, PASSWORD, name=name, time_zone=zone)
        Grant.objects.create(user=user, role=role)
        others.append(user)
    return Colleagues(users[Role.PLANNER], users[Role.OUTREACH], *others)


def _name_installation() -> None:
    installation = Installation.current()
    installation.name = "Global Campaign on Social Security (demo)"
    installation.postal_address = "Campaign office, 4 route des Exemples, 1211 Geneva 22, Switzerland (invented)"
    installation.is_demo = True
    installation.save()


def _make_topics() -> dict[str, Topic]:
    topics = {}
    for position, (code, languages) in enumerate(texts.TOPICS, start=1):
        name, description = languages["en"]
        topics[code] = Topic.objects.create(
            code=code,
            name=name,
            names={language: text[0] for language, text in languages.items() if language != "en"},
            description=description,
            descriptions={language: text[1] for language, text in languages.items() if language != "en"},
            position=position,
        )
    return topics


def _suppress_some(directory: Directory) -> None:
    """Two people of the drive's countries asked never to be written to again."""
    addresses = [
        point.value
        for point in directory.contact_points
        if point.person is not None and point.person.country_id in directory.drive_countries
    ]
    for address in addresses[10:200:90]:
        suppress_address(address=address, reason=Suppression.Reason.UNSUBSCRIBED, source="preference page", actor=None)


def _make_sender() -> tuple[Sender, Transport]:
    sender = Sender.objects.create(
        name="Social Security for All",
        email="news@campaign.test",
        reply_to="ana@groundswell.test",
        confirmed_email="news@campaign.test",
        confirmed_at=timezone.now(),
        signatures=texts.SIGNATURES,
        places=texts.PLACES,
        reference_pattern="GC/{year}/{mailing:04}/{seq}",
    )
    kind = Transport.Kind.LOCAL if settings.LOCAL else Transport.Kind.SMTP
    name = "Local mailbox" if settings.LOCAL else "Mail server"
    transport = Transport.objects.create(name=name, kind=kind, is_default=True)
    return sender, transport


def _make_drive(users: Users, ten: list[Country], today: date) -> Drive:
    campaign = Campaign.objects.create(
        name=texts.CAMPAIGN,
        goal=texts.GOAL,
        facts=[{"text": fact, "source": texts.BROCHURE} for fact in texts.FACTS],
        starts_on=today - timedelta(days=400),
    )
    Pillar.objects.bulk_create(
        Pillar(campaign=campaign, name=name, description=description, position=position)
        for position, (name, description) in enumerate(texts.PILLARS, start=1)
    )
    drive = Drive.objects.create(
        campaign=campaign,
        name="Ten countries with the lowest coverage",
        goal="A national action plan on the table of each of the ten, made by government, employers and workers together.",
        starts_on=today - timedelta(days=60),
        ends_on=today + timedelta(days=90),
        owner=users[Role.PLANNER],
        status=Drive.Status.ACTIVE,
    )
    drive.countries.set(ten)
    drive.constituencies.set(Constituency.objects.filter(code__in=["GOV", "EMP", "WRK", "SSI", "CSO", "IGO", "DON"]))
    return drive


def _segment(name: str, rules: list[dict[str, Any]], owner: User, description: str = "") -> Segment:
    tree = {"version": 1, "op": "all", "rules": rules}
    segment = Segment.objects.create(name=name, tree=tree, owner=owner, description=description)
    SegmentVersion.objects.create(segment=segment, version=1, tree=tree, saved_by=owner)
    return segment


def _make_segments(users: Users, ten: list[Country]) -> dict[str, Segment]:
    here = {"field": "country", "operator": "any_of", "value": [country.code for country in ten]}
    planner, editor = users[Role.PLANNER], users[Role.EDITOR]
    inside = {"field": "membership", "operator": "yes"}

    def constituency(*codes: str) -> dict[str, Any]:
        return {"field": "constituency", "operator": "any_of", "value": list(codes)}

    return {
        "everybody": _segment("Everybody in the ten countries", [here, inside], planner),
        "partners": _segment("Social partners in the ten countries", [here, constituency("EMP", "WRK")], planner),
        "state": _segment(
            "Governments and social security institutions in the ten", [here, constituency("GOV", "SSI")], editor
        ),
        "past": _segment(
            "Governments, employers and institutions in the ten",
            [here, constituency("GOV", "SSI", "EMP", "IGO", "DON")],
            editor,
        ),
        "silent": _segment(
            "Low coverage, nobody talked to them",
            [
                constituency("WRK", "CSO"),
                {"field": "indicator.SI_COV_BENFTS", "operator": "below", "value": 20},
                {"field": "institution_contacted", "operator": "not_within", "value": 90},
            ],
            planner,
            "Workers’ organizations and civil society in countries with coverage below 20 % whose institution nobody has contacted in 90 days.",
        ),
        "list": _make_list(planner),
    }


def _make_list(owner: User) -> Segment:
    chosen = ContactList.objects.create(name="Round table in Dakar: core group", owner=owner)
    heads = (
        Organization.objects.filter(country_id__in=CORE, memberships__post__is_head=True)
        .filter(memberships__ended_on__isnull=True)
        .order_by("pk")
        .values_list("memberships__person_id", flat=True)[:24]
    )
    ContactListMember.objects.bulk_create(
        ContactListMember(contact_list=chosen, person_id=pk, added_by=owner) for pk in dict.fromkeys(heads)
    )
    return _segment(
        "Core group, in French", [{"field": "on_list", "operator": "any_of", "value": [str(chosen.uid)]}], owner
    )


def _mailing(name: str, content: dict[str, tuple[str, str, str]], author: User, **values: Any) -> Mailing:
    languages = list(content)
    mailing = Mailing.objects.create(
        name=name,
        written_by=author,
        edited_since_approval=[author.pk],
        fallback_languages=["en", *[code for code in languages if code != "en"]],
        **values,
    )
    for position, (language, (subject, preheader, body)) in enumerate(content.items(), start=1):
        Variant.objects.create(
            mailing=mailing, language=language, subject=subject, preheader=preheader, body_html=body, position=position
        )
    return mailing


def _approve(mailing: Mailing, users: Users) -> Mailing:
    mailing = mailing_services.ask_review(mailing=mailing, actor=users[Role.EDITOR])
    return mailing_services.approve(
        mailing=mailing,
        actor=users[Role.APPROVER],
        content_hash=content_hash(mailing),
        audience_count=audience_summary(mailing).will_get,
    )


def _segment_of(drive: Drive, owner: User) -> Segment:
    """Everybody with an institution in the drive's countries and constituencies."""
    codes = sorted(drive.countries.values_list("code", flat=True))
    sides = sorted(drive.constituencies.values_list("code", flat=True))
    rules = [
        {"field": "country", "operator": "any_of", "value": codes},
        {"field": "constituency", "operator": "any_of", "value": sides},
    ]
    return _segment(f"{drive.name}: all sides", rules, owner)


def _send_all_past(
    *, drives: tuple[Drive, Drive], segment: Segment, users: Users, common: dict[str, Any], now: datetime
) -> None:
    """Last year's and the invitation to three countries, each an activity of its drive, and two to the ten countries."""
    for of, what in zip(drives, (texts.LAST_YEAR, texts.INVITATION), strict=True):
        there = _segment_of(of, users[Role.EDITOR])
        sent = _send_past(what, users=users, segment=there, common=common | {"drive": of}, now=now)
        first = Activity.objects.filter(drive=of, kind="mailing").order_by("starts_on", "pk")[0]
        Activity.objects.filter(pk=first.pk).update(mailing=sent)
    for what in texts.PAST:
        _send_past(what, users=users, segment=segment, common=common, now=now)


def _send_past(
    what: tuple[int, str, dict[str, tuple[str, str, str]]], *, users: Users, segment: Segment, common: dict[str, Any], now: datetime
) -> Mailing:  # fmt: skip
    """In the ten countries not to unions and civil society: whom nobody has talked to stays that way."""
    days, name, content = what
    mailing = _mailing(name, content, users[Role.EDITOR], segment=segment, layout="bulletin", **common)
    mailing = mailing_services.send_now(mailing=_approve(mailing, users), actor=users[Role.EDITOR])
    at = (now - timedelta(days=days)).replace(hour=7, minute=30, second=0, microsecond=0)
    send_in_the_past(mailing, at=at, seed=SEED + days)
    return mailing


def _write_mailings(*, users: Users, segments: dict[str, Segment], common: dict[str, Any], now: datetime) -> None:
    editor = users[Role.EDITOR]
    sent = _mailing(
        "Who is covered, and who is not yet",
        texts.SENT,
        editor,
        segment=segments["everybody"],
        layout="bulletin",
        **common,
    )
    mailing_services.send_now(mailing=_approve(sent, users), actor=editor)
    zone = "Africa/Kampala"
    in_three_days = (now + timedelta(days=3)).replace(hour=10, minute=0, second=0, microsecond=0)
    scheduled = _mailing(
        "Social partners: coverage is yours to move",
        texts.SCHEDULED,
        editor,
        segment=segments["partners"],
        send_local=in_three_days,
        send_zone=zone,
        send_at=in_three_days - timedelta(hours=3),
        **common,
    )
    mailing_services.schedule(mailing=_approve(scheduled, users), actor=editor)
    waiting = _mailing(
        "An action plan: three questions",
        texts.WAITING,
        editor,
        segment=segments["state"],
        layout="letter",
        contact_guard_days=0,
        **common,
    )
    mailing_services.ask_review(mailing=waiting, actor=editor)
