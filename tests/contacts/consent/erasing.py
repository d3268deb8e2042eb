"""A person of whom everything is held, and a look for her in every column and file. Add rows of your feature to `everything`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import CharField, TextField
from django.utils import timezone

from campaigns.correspondence.services import register_letter
from campaigns.delivery.models import Delivery
from campaigns.dropbox.models import Dropbox, DroppedMail
from campaigns.engagement.models import DeliveryEngagement, Engagement, EngagementDay
from campaigns.engagement.partitions import ensure_month, month_of
from campaigns.events.models import Session
from campaigns.interactions.services import log_interaction
from campaigns.limits.models import DomainRest
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.partners import accounts as partners_accounts
from campaigns.positions.models import Power
from campaigns.results import snapshots
from campaigns.results.figures import Scope
from campaigns.rounds.models import CallLine, CallRound
from campaigns.todo.models import Absence
from contacts.consent import services
from contacts.consent.services.opt_in import mail_due
from contacts.directory.models import Person, UidAlias
from contacts.directory.services import add_contact_point, create_person, edit_person, start_membership
from contacts.importing.models import ImportKept, ImportLine, ImportMade, ImportMapping, ImportRow, ImportRun
from contacts.segments.lists import add_to_list
from crm.accounts.models import User
from crm.accounts.session_models import BrowserSession
from crm.audit.services import emit, record
from crm.exports.models import ExportFile
from crm.ids import new_uid
from crm.jobs.models import Job
from crm.local.mailbox.store import Store
from crm.saved_views.models import SavedView
from tests.campaigns.ledger import delivery, feedback, finish, sent_mailing
from tests.factories import (
    ActivityFactory,
    ActualFactory,
    CommitmentFactory,
    ContactListFactory,
    DriveFactory,
    EventFactory,
    MissionFactory,
    OrganizationFactory,
    PostFactory,
    PublicPageFactory,
    ResultFactory,
    SegmentFactory,
    StepFactory,
    TagFactory,
    TopicFactory,
    UserFactory,
    WindowFactory,
)

ADDRESS, OLD_ADDRESS, PHONE = "zenobia@quill.example.org", "z.quill@old.example.org", "+260 977 555 123"
GIVEN, FAMILY = "Zenobia", "Quillfeather"
NAME = f"{GIVEN} {FAMILY}"
NEEDLES = (ADDRESS, OLD_ADDRESS, PHONE, GIVEN, FAMILY)


def everything(actor) -> SimpleNamespace:
    """She stands wherever a feature can put her; beside her stands Bob, of whom nothing may be lost."""
    topic = TopicFactory(name="News")
    ministry = OrganizationFactory(name="Ministry of Labour")
    zenobia = create_person(
        actor=actor, given_name=GIVEN, family_name=FAMILY, email=OLD_ADDRESS, organization=ministry, language="en"
    )
    bob = create_person(
        actor=actor, given_name="Bob", family_name="Banda", email="bob@quill.example.org", organization=ministry
    )
    _directory(zenobia, ministry, actor)
    old_uid = new_uid()
    UidAlias.objects.create(old_uid=old_uid, new_uid=zenobia.uid, object_type="person")
    for who in (zenobia, bob, services.ledger.Subject(old_uid, "person")):
        services.ledger._append(
            subject=who, topic=topic, action="grant", address=ADDRESS if who is not bob else "", at=None, actor=actor, door=None,
            channel="email", lawful_basis="consent", source=f"Call with {NAME}" if who is not bob else "Call",
            evidence=f"{NAME} said so" if who is not bob else "Bob said so",
        )  # fmt: skip
    services.ask_permission(subject=zenobia, topic=TopicFactory(name="Events"), source=f"{GIVEN} asked", actor=actor)
    mail_due()
    world = SimpleNamespace(zenobia=zenobia, bob=bob, ministry=ministry, topic=topic, old_uid=old_uid)
    _campaign(world, actor)
    _paper(world, actor)
    _account(zenobia)
    _platform(world, actor)
    _words_of_others(world, actor)
    return world


def _directory(zenobia: Person, ministry, actor) -> None:
    edit_person(person=zenobia, actor=actor, changes={"note": f"{NAME} prefers calls"}, seen={})
    zenobia.refresh_from_db()
    for field in Person._meta.concrete_fields:  # also those that a feature added yesterday
        is_words = isinstance(field, CharField | TextField) and (field.max_length or 999) >= len(NAME)
        if is_words and not field.choices and not getattr(zenobia, field.attname):
            setattr(zenobia, field.attname, NAME)
    zenobia.custom, zenobia.names = {"badge": NAME}, {"fr": NAME}
    zenobia.save()
    zenobia.tags.add(TagFactory(name="speaker"))
    zenobia.contact_points.filter(value=OLD_ADDRESS).delete()
    add_contact_point(person=zenobia, kind="email", value=ADDRESS.title(), actor=actor)
    add_contact_point(person=zenobia, kind="phone", value=PHONE, actor=actor)
    start_membership(person=zenobia, post=PostFactory(organization=ministry, name="Chief"), actor=actor)
    add_to_list(
        contact_list=ContactListFactory(name="Speakers"), rows=Person.objects.filter(pk=zenobia.pk), actor=actor
    )


def _campaign(world: SimpleNamespace, actor) -> None:
    now, zenobia = timezone.now(), world.zenobia
    StepFactory(
        organization=world.ministry, said_by=zenobia, evidence=f"{NAME} said yes", link=f"https://x.test/{ADDRESS}"
    )
    StepFactory(
        organization=world.ministry, said_by_name=NAME, withdrawn_at=now, withdrawn_why=f"{NAME} was quoted wrongly"
    )
    promise = CommitmentFactory(
        organization=world.ministry, promised_by=zenobia, text=f"{NAME} will publish it", evidence=f"{NAME} said so",
        state="kept", settled_at=now, outcome=f"By {NAME}",
    )  # fmt: skip
    promise.updates.create(progress="done", text=f"Signed {NAME}", written_by=f"{NAME}, Chief", received_at=now)
    promise.milestones.create(text=f"{NAME} drafts", due_on=now.date())
    world.mailing = mailing = sent_mailing(topic=world.topic, name="Bulletin")
    fields = {"person.name": NAME, "organization.name": world.ministry.name}
    past = now - timedelta(hours=3)
    sent = _sent(mailing, zenobia, ADDRESS, fields=fields, reply_text=f"250 <{ADDRESS}> accepted", at=past)
    _sent(mailing, world.bob, "bob@quill.example.org", fields={"person.name": "Bob Banda"}, at=past)
    finish(mailing)
    world.next_mailing = following = sent_mailing(topic=world.topic)
    world.waiting = _sent(following, zenobia, ADDRESS, state="pending", fields=fields)
    finish(following)
    world.sent = sent
    feedback(sent, kind="soft_bounce", reason=f"<{ADDRESS}>: mailbox full")
    ensure_month(month_of(now))
    Engagement.objects.bulk_create([
        Engagement(hit_id=new_uid(), at=now, mailing_id=mailing.pk, seq=sent.seq, kind="click", link_number=1,
                   hit_class="human", reason="a click", ip="192.0.2.77", user_agent="Mozilla/5.0 of hers"),
    ])  # fmt: skip
    DeliveryEngagement.objects.bulk_create(
        [
            DeliveryEngagement(
                mailing_id=mailing.pk, seq=sent.seq, person_id=zenobia.pk, first_click_at=now, human_clicks=1
            )
        ]
    )
    EngagementDay.objects.bulk_create([EngagementDay(person_id=zenobia.pk, day=now.date(), human_clicks=1)])
    raw = f"From: {NAME} <{ADDRESS}>\nSubject: Re\n\nRegards, {NAME}".encode()
    reply = InboundMessage.objects.create(
        digest="a" * 64, recipient="r.x@bounce.campaign.test", sender=ADDRESS.title(), raw=raw, received_at=now,
        state="handled", kind="reply", mailing_id=mailing.pk, seq=sent.seq, note=f"from {ADDRESS}",
    )  # fmt: skip
    for number, state in enumerate(("new", "unmatched")):
        InboundMessage.objects.create(
            digest=str(number) * 64, recipient="x@bounce.campaign.test", sender="mailer-daemon@example.org",
            raw=f"To: {ADDRESS}\n\nunknown user {ADDRESS}".encode(), received_at=now, state=state,
        )  # fmt: skip
    Interaction.objects.create(
        kind="reply", person=zenobia, organization=world.ministry, inbound=reply, mailing_id=mailing.pk, seq=sent.seq,
        subject=f"Re: from {NAME}", text=f"Regards, {NAME}", at=now, logged_by=actor,
    )  # fmt: skip
    called = {"actor": actor, "kind": "call", "next_step": f"Ask {NAME}"}
    log_interaction(people=[zenobia], text=f"{GIVEN} is ill", **called)
    mention = {"kind": "person", "uid": str(zenobia.uid), "label": GIVEN}
    log_interaction(people=[zenobia, world.bob], text=f"{NAME} agreed, Bob too. @{GIVEN}", mentions=[mention], **called)
    log_interaction(people=[world.bob], text=f"Of {NAME}", **called)


def _paper(world: SimpleNamespace, actor) -> None:
    """Mission reports, letters of the register, mail that an officer dropped."""
    now = timezone.now()
    MissionFactory(
        title=f"With {NAME}",
        summary=f"{NAME} spoke",
        draft=json.dumps({"m1-text": [f'{NAME} said "yes"']}),
        author=actor,
    )
    register_letter(
        actor=actor, way="in", organization=world.ministry, person=world.zenobia, on=now.date(), subject=f"From {NAME}", ours=f"For {NAME}",
        copies=f"{NAME}\nBob", note=f"{NAME} calls",
    )  # fmt: skip
    ActivityFactory(name=f"Visit {NAME}", note=f"{NAME} opens the door")
    WindowFactory(note=f"{NAME} speaks")
    ActualFactory(evidence=f"{NAME} signed it", contribution=f"We trained {NAME}")
    drive = DriveFactory()
    said = ActualFactory(period__indicator__result__campaign=drive.campaign, evidence=f"{NAME} said so")
    scope = Scope(drive.campaign, drive, said.on, said.on, actor)
    snapshots.freeze(actor=actor, scope=scope, title=f"Report with {NAME}")
    round_ = CallRound.objects.create(name="Ministries", script=f"Ask for {NAME}")
    CallLine.objects.create(round=round_, person=world.zenobia, organization=world.ministry, note=f"{NAME} is away")
    box = Dropbox.objects.create(user=actor, made_at=now)
    common = {"dropbox": box, "user": actor, "thread": new_uid(), "at": now, "why": "Nobody is known."}
    DroppedMail.objects.create(addresses=[[ADDRESS, NAME]], subject=f"To {NAME}", text=f"Dear {GIVEN}", **common)
    DroppedMail.objects.create(
        addresses=[["bob@quill.example.org", "Bob"]], subject="To Bob", text=f"Of {NAME}", **common
    )


def _account(zenobia: Person) -> None:
    """She has a partner's account: it was signed in to from a browser, and its passkey has a name."""
    user = partners_accounts.open_for(ADDRESS)
    assert user is not None and user.partner_account.person == zenobia
    record(verb="sign_in.done", target=user, actor=user, summary="code · 192.0.2.77 · browser of hers")
    change = [("name", "Phone of hers", f"{GIVEN}’s phone")]
    record(verb="two_step.renamed", target=user, actor=user, summary=f"Phone of hers → {GIVEN}’s", changes=change)
    BrowserSession.objects.create(
        user=user, session_key="hers", address="192.0.2.77", agent="Mozilla/5.0 of hers", last_seen_at=timezone.now()
    )
    # another partner's account, of which nothing may be lost
    other = User.objects.create_user("bob@quill.example.org", None, name="Bob", is_partner=True)
    record(verb="sign_in.done", target=other, actor=other, summary="code · 192.0.2.78 · Firefox")


def _words_of_others(world: SimpleNamespace, actor) -> None:
    """What others wrote, searched for and called after her."""
    now, told = timezone.now(), {"en": f'"{NAME}" speaks', "fr": f"Avec {NAME}"}
    ministry = world.ministry
    ministry.note, ministry.custom = f"Ask {NAME}", {"desk": f'"{NAME}"'}
    ministry.save()
    Person.objects.filter(pk=world.bob.pk).update(note=f"Reports to {NAME}")
    add_contact_point(
        organization=ministry, kind="phone", value="+260 211 000 000", label=f"Desk of {NAME}", actor=actor
    )
    ContactListFactory(name=f"For {NAME}", description=f"Chosen by {NAME}")
    SegmentFactory(name=f"Around {NAME}", description=f"As {NAME} asked")
    for number, name in enumerate((f"With {NAME}", f"Without {NAME}")):
        SavedView.objects.create(
            owner=actor, source="people", name=name, query=f"country=ZM&q={ADDRESS.replace('@', '%40')}&page={number}"
        )
    ExportFile.objects.create(
        owner=actor, source="people", title=f"People: {NAME}", format="csv", query=f"q={NAME.replace(' ', '+')}&country=ZM",
        zone="UTC", language="en", expires_at=now,
    )  # fmt: skip
    ImportMapping.objects.create(owner=actor, signature="s", columns=["Name", NAME])
    run = ImportRun.objects.filter(state="applied").first()
    ImportRun.objects.filter(pk=run.pk).update(
        file_name=f"{NAME}.csv", columns=[NAME, "x"], first_permission={"evidence": f"{NAME} said so"}
    )
    ImportKept.objects.create(
        run=run, object_type="person", object_id=world.zenobia.pk, object_uid=world.zenobia.uid, name=NAME,
        field=f"email: {ADDRESS}", reason="edited",
    )  # fmt: skip
    services.subscribe(
        rows=Person.objects.filter(pk=world.bob.pk), topic=TopicFactory(name="Briefs"), way="record",
        lawful_basis="consent", source=f"Call with {NAME}", evidence=f"{NAME} knows", label=f"Who knows {NAME}", actor=actor,
    )  # fmt: skip
    event = EventFactory(abouts=told)
    Session.objects.create(event=event, title=f"{NAME} speaks", starts_local=now, ends_local=now + timedelta(hours=1))
    page = PublicPageFactory(
        headlines=told, leads=told, stories=told, facts={"en": [{"text": NAME, "source": ADDRESS}]}
    )
    page.campaign.goal, page.campaign.facts = f"As {NAME} asked", {"en": [{"text": NAME, "source": ""}]}
    page.campaign.save()
    DriveFactory(goal=f"What {NAME} wants")
    Power.objects.create(organization=ministry, campaign=page.campaign, power=3, why=f"{NAME} decides")
    Absence.objects.create(
        user=actor, deputy=UserFactory(), starts_on=now.date(), ends_on=now.date(), note=f"At {NAME}'s"
    )
    DomainRest.objects.create(
        transport_id=1, domain="quill.example.org", since=now, until=now, reply_text=f"<{ADDRESS}> is full"
    )
    ResultFactory(description=f"{NAME} trained")


def _sent(mailing, person, address: str, **values) -> Delivery:
    """A delivery to the person's own contact point."""
    point = person.contact_points.filter(kind="email").first()
    row = delivery(
        mailing, person_id=person.pk, address=address, address_key=address, contact_point_id=point.pk, **values
    )
    return row


def _platform(world: SimpleNamespace, actor) -> None:
    zenobia = world.zenobia
    record(verb="list.noted", object_type="list", object_uid=new_uid(), actor=actor, summary=f"Added {NAME}, {ADDRESS}",
           changes=[("who", None, {"name": NAME, "mail": [ADDRESS]}), ("other", None, "stays")])  # fmt: skip
    emit(type="person.noted", object_uid=zenobia.uid, payload={"name": NAME})
    emit(type="list.noted", object_uid=new_uid(), payload={"first": ADDRESS})
    emit(type="list.noted", object_uid=new_uid(), payload={"first": "bob@quill.example.org"})
    now = timezone.now()
    Job.objects.create(kind="x", title=f"Merge {NAME}", params={"mail": ADDRESS}, result={"about": NAME}, state="done",
                       finished_at=now, error=f"{ADDRESS} is twice")  # fmt: skip
    for state in ("applied", "mapped"):
        run = ImportRun(
            owner=actor, file_name="people.csv", size_bytes=1, state=state, encoding="utf-8", columns=["name", "mail"]
        )
        run.file.save(
            f"{run.uid}.csv",
            ContentFile(f"name,mail\n{NAME},{ADDRESS}\nBob,bob@quill.example.org\n".encode()),
            save=False,
        )
        run.save()
        ImportMade.objects.create(run=run, kind="person", ids=[zenobia.pk, world.bob.pk])
        ImportKept.objects.create(
            run=run, object_type="person", object_id=zenobia.pk, object_uid=zenobia.uid, name=NAME, reason="edited"
        )
        for line, name, address in ((2, NAME, ADDRESS), (3, "Bob", "bob@quill.example.org")):
            ImportLine.objects.create(run=run, line=line, raw=[name, address], name=name, email_key=address)
            ImportRow.objects.create(run=run, line=line, outcome="created")
    store = Store(Path(settings.LOCAL_DIR) / "mailbox")
    for to, author in (
        (ADDRESS, "news@campaign.test"),
        ("bob@quill.example.org", "news@campaign.test"),
        ("x@y.test", ADDRESS),
    ):
        store.add(
            sender="b.1@bounce.campaign.test",
            recipients=[to],
            raw=f"From: {author}\nTo: {to}\nSubject: Hello\n\nDear you".encode(),
        )
    store.close()
    inbound = Path(settings.SPOOL_DIR) / "inbound"
    inbound.mkdir(parents=True, exist_ok=True)
    (inbound / "1.eml").write_text(f"From: {ADDRESS}\n\nhello")
    (inbound / "1.json").write_text(json.dumps({"sender": ADDRESS, "recipient": "r.x@bounce.campaign.test"}))
    (inbound / "2.eml").write_text("From: bob@quill.example.org\n\nhello")


def where_is(needles=NEEDLES) -> list[str]:
    """table.column of every row, and every file, that still has one of the needles: text, JSON, arrays and raw bytes."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type IN"
            " ('text', 'character varying', 'jsonb', 'json', 'ARRAY', 'bytea', 'uuid', 'inet')"
        )
        columns = cursor.fetchall()
        assert len(columns) > 200
        for table, column, kind in columns:
            text = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE {text} ILIKE ANY (%s)', [[f"%{needle}%" for needle in needles]]
            )
            if count := cursor.fetchone()[0]:
                found.append(f"{table}.{column}: {count}")
    for folder in (settings.MEDIA_ROOT, settings.SPOOL_DIR):
        for path in Path(folder).rglob("*"):
            if path.is_file() and any(n.lower().encode() in path.read_bytes().lower() for n in needles):
                found.append(str(path))
    return found
