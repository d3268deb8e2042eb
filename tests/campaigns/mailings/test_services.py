"""Review, approval and sending: who may, what exactly is approved, and buttons pressed twice."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from campaigns.mailings import editing, services
from campaigns.mailings.approval import changed_since_approval, content_hash
from campaigns.mailings.models import Approval, Mailing
from campaigns.mailings.states import State
from campaigns.mailings.testing import send_test
from crm.accounts.models import Installation
from crm.accounts.rules import TABLE, Action, Role
from crm.audit.models import OutboxEvent
from crm.errors import Conflict, Invalid, NotAllowed, WrongState
from tests.factories import (
    ConstituencyFactory,
    DriveFactory,
    GrantFactory,
    MailingFactory,
    SegmentFactory,
    SenderFactory,
    TopicFactory,
    TransportFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
VERBS = {
    "ask_review": (services.ask_review, "draft", Action.WRITE, {}),
    "withdraw_review": (services.withdraw_review, "in_review", Action.WRITE, {}),
    "approve": (services.approve, "in_review", Action.APPROVE, {"content_hash": None, "audience_count": 3}),
    "reject": (services.reject, "in_review", Action.APPROVE, {"comment": "Shorter, please."}),
    "send_now": (services.send_now, "approved", Action.SEND, {}),
    "pause": (services.pause, "sending", Action.PAUSE, {}),
    "resume": (services.resume, "paused", Action.SEND, {}),
    "cancel": (services.cancel, "sending", Action.SEND, {}),
    "release_held": (services.release_held, "held", Action.APPROVE, {"audience_count": 3}),
}


def approved(mailing: Mailing, by) -> Mailing:
    return services.approve(
        mailing=mailing, actor=by, content_hash=content_hash(Mailing.objects.get(pk=mailing.pk)), audience_count=12
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("verb", list(VERBS))
def test_verb_is_for_the_roles_of_the_table(role: Role, verb: str) -> None:
    service, state, action, options = VERBS[verb]
    user = UserFactory()
    GrantFactory(user=user, role=role)
    mailing = MailingFactory(state=state)
    if "content_hash" in options:
        options = {**options, "content_hash": content_hash(mailing)}

    if action in TABLE[role]:
        assert service(mailing=mailing, actor=user, **options).state != state
    else:
        with pytest.raises(NotAllowed):
            service(mailing=mailing, actor=user, **options)
        assert Mailing.objects.get(pk=mailing.pk).state == state


def test_grant_for_another_country_does_not_reach_the_mailing() -> None:
    approver = UserFactory()
    GrantFactory(user=approver, role="approver", is_everywhere=False, countries=["SN"])
    mailing = MailingFactory(state="in_review", drive=DriveFactory(countries=["ZM"]))

    with pytest.raises(NotAllowed):
        approved(mailing, approver)

    assert not Approval.objects.exists()


def test_review_needs_everything_that_a_reader_and_the_engine_need(editor) -> None:
    mailing = MailingFactory(segment=None, sender=None, languages=["en", "fr"])
    mailing.variants.filter(language="fr").update(subject=" ", body_html="")

    with pytest.raises(Invalid) as refused:
        services.ask_review(mailing=mailing, actor=editor)

    for gap in ("choose a segment", "choose a sender", "write a subject (fr)", "write a body (fr)"):
        assert gap in refused.value.message
    assert Mailing.objects.get(pk=mailing.pk).state == State.DRAFT


def test_review_refuses_a_template_that_came_in_by_another_door(editor) -> None:
    mailing = MailingFactory()
    mailing.variants.update(body_html="<p>{% for x in y %}</p>")

    with pytest.raises(Invalid, match="A loop"):
        services.ask_review(mailing=mailing, actor=editor)


def test_approval_binds_what_was_seen(editor, approver) -> None:
    mailing = services.ask_review(mailing=MailingFactory(), actor=editor)
    seen = content_hash(mailing)

    mailing = services.approve(mailing=mailing, actor=approver, content_hash=seen, audience_count=12)

    assert mailing.state == State.APPROVED
    assert (mailing.approval.content_hash, mailing.approval.audience_count) == (seen, 12)
    assert mailing.edited_since_approval == []
    assert changed_since_approval(mailing) == []


def test_approval_of_something_that_changed_is_refused_and_says_what(editor, approver) -> None:
    mailing = services.ask_review(mailing=MailingFactory(), actor=editor)
    seen = content_hash(mailing)
    mailing.segment.tree = {**mailing.segment.tree, "op": "any"}
    mailing.segment.save()

    with pytest.raises(Conflict) as refused:
        services.approve(mailing=mailing, actor=approver, content_hash=seen, audience_count=12)

    assert refused.value.data["changes"] == ["the segment's rules, or a list in it"]
    assert Mailing.objects.get(pk=mailing.pk).state == State.IN_REVIEW
    assert not Approval.objects.exists()


def test_nobody_approves_what_he_edited_unless_the_administrator_allows_it(admin) -> None:
    mailing = services.ask_review(mailing=MailingFactory(edited_since_approval=[admin.pk]), actor=admin)

    with pytest.raises(NotAllowed, match="somebody else must approve"):
        approved(mailing, admin)
    Installation.objects.update_or_create(id=1, defaults={"allow_self_approval": True})

    assert approved(mailing, admin).state == State.APPROVED


def test_edit_after_approval_voids_it_and_the_editor_may_not_approve_again(admin, editor) -> None:
    mailing = approved(services.ask_review(mailing=MailingFactory(), actor=editor), admin)

    mailing = editing.save_variant(
        mailing=mailing, actor=admin, version=mailing.content_version, language="en", values={"subject": "Other"}
    )

    assert (mailing.state, mailing.approval) == (State.DRAFT, None)
    assert Approval.objects.get().lapsed_at is not None
    assert "approved again" in mailing.state_reason
    with pytest.raises(NotAllowed):
        approved(services.ask_review(mailing=mailing, actor=editor), admin)


CHANGES = {
    "the languages or their order": lambda m: editing.add_variant(
        mailing=m, actor=m.written_by, version=m.content_version, language="es", copy_from="en"
    ),
    "subject (en)": lambda m: m.variants.update(subject="New"),
    "body (en)": lambda m: m.variants.update(body_html="<p>New</p>"),
    "text part (en)": lambda m: m.variants.update(text="New", is_text_own=True),
    "the languages that stand in for others": lambda m: Mailing.objects.update(fallback_languages=["en"]),
    "the layout": lambda m: Mailing.objects.update(layout="bulletin"),
    "the sender": lambda m: Mailing.objects.update(sender=SenderFactory()),
    "the topic": lambda m: Mailing.objects.update(topic=TopicFactory()),
    "the transport": lambda m: Mailing.objects.update(transport=TransportFactory()),
    "the time": lambda m: Mailing.objects.update(send_local=datetime(2027, 1, 1, tzinfo=UTC)),
    "the tracking rules": lambda m: Mailing.objects.update(tracks_people=False),
    "the contact guard": lambda m: Mailing.objects.update(contact_guard_days=9),
    "how late it may leave": lambda m: Mailing.objects.update(max_lateness=timedelta(hours=1)),
    "who gets copies": lambda m: Mailing.objects.update(copies_to=ConstituencyFactory(code="DON")),
    "the countries it may reach": lambda m: Mailing.objects.update(scope_countries=["ZM"]),
    "the segment's rules, or a list in it": lambda m: Mailing.objects.update(
        segment=SegmentFactory(
            tree={
                "version": 1,
                "op": "all",
                "rules": [{"field": "constituency", "operator": "any_of", "value": ["WRK"]}],
            }
        )
    ),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_every_ingredient_changes_the_hash_and_is_named(what: str, planner) -> None:
    mailing = MailingFactory(state="approved", written_by=planner)
    before = mailing.approval
    CHANGES[what](mailing)

    fresh = Mailing.objects.get(pk=mailing.pk)
    fresh.approval = before

    assert content_hash(fresh) != before.content_hash
    assert what in changed_since_approval(fresh)


def test_name_is_no_ingredient(editor) -> None:
    mailing = MailingFactory(state="approved")

    mailing = editing.save_settings(
        mailing=mailing, actor=editor, version=mailing.content_version, values={"name": "Other"}
    )

    assert mailing.state == State.APPROVED
    assert changed_since_approval(mailing) == []


def test_send_now_opens_a_window_of_30_seconds_and_pressed_twice_sends_once(editor) -> None:
    mailing = MailingFactory(state="approved")

    first = services.send_now(mailing=mailing, actor=editor)
    second = services.send_now(mailing=mailing, actor=editor)

    assert first.state == second.state == State.SCHEDULED
    assert first.stop_until == second.stop_until
    assert timedelta(seconds=25) < first.stop_until - timezone.now() <= timedelta(seconds=30)
    assert OutboxEvent.objects.filter(type="mailing.scheduled").count() == 1


def test_send_now_after_it_left_does_nothing(editor) -> None:
    mailing = MailingFactory(state="sending", stop_until=timezone.now())

    assert services.send_now(mailing=mailing, actor=editor).state == State.SENDING


def test_stop_within_the_window_keeps_the_approval(editor) -> None:
    mailing = services.send_now(mailing=MailingFactory(state="approved"), actor=editor)

    mailing = services.stop(mailing=mailing, actor=editor)

    assert (mailing.state, mailing.send_at, mailing.stop_until) == (State.APPROVED, None, None)
    assert changed_since_approval(mailing) == []


def test_stop_when_it_is_going_out_is_refused(editor) -> None:
    mailing = MailingFactory(state="sending")

    with pytest.raises(WrongState, match="pause or cancel"):
        services.stop(mailing=mailing, actor=editor)


def test_approved_for_a_time_leaves_at_that_time_only(editor) -> None:
    later = timezone.now() + timedelta(days=2)
    mailing = MailingFactory(state="approved", send_local=later, send_at=later)

    with pytest.raises(Invalid, match="approved for a set time"):
        services.send_now(mailing=mailing, actor=editor)

    assert services.schedule(mailing=mailing, actor=editor).state == State.SCHEDULED
    assert services.schedule(mailing=mailing, actor=editor).send_at == later


def test_schedule_for_the_past_is_refused(editor) -> None:
    past = timezone.now() - timedelta(minutes=1)
    mailing = MailingFactory(state="approved", send_local=past, send_at=past)

    with pytest.raises(Invalid, match="has passed"):
        services.schedule(mailing=mailing, actor=editor)


def test_release_of_a_held_mailing_approves_the_audience_as_it_is(approver) -> None:
    mailing = MailingFactory(state="held")

    mailing = services.release_held(mailing=mailing, actor=approver, audience_count=99)

    assert mailing.state == State.SCHEDULED
    assert mailing.approval.audience_count == 99
    assert mailing.send_at <= timezone.now()
    assert services.release_held(mailing=mailing, actor=approver, audience_count=99).approval_id == mailing.approval_id


def test_reject_needs_a_comment_which_its_editors_then_see(approver) -> None:
    mailing = MailingFactory(state="in_review")

    with pytest.raises(Invalid):
        services.reject(mailing=mailing, actor=approver, comment=" ")

    assert services.reject(mailing=mailing, actor=approver, comment="Too long.").state_reason == "Too long."


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_button_pressed_twice_does_it_once(verb: str, planner) -> None:
    service, state, _action, _options = VERBS[verb]
    mailing = MailingFactory(state=state)

    once = service(mailing=mailing, actor=planner)
    twice = service(mailing=mailing, actor=planner)

    assert once.state == twice.state
    assert OutboxEvent.objects.filter(object_uid=mailing.uid).count() == 1


def test_pause_says_who(editor) -> None:
    assert services.pause(mailing=MailingFactory(state="sending"), actor=editor).state_reason == "Paused by Editor"


def test_test_send_without_a_sender_is_refused(editor) -> None:
    with pytest.raises(Invalid, match="Choose a sender"):
        send_test(mailing=MailingFactory(sender=None), actor=editor, language="en")
