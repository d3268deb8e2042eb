"""Shapes of a mailing: in a list, as a whole, and as it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from campaigns.files.serving import KeptFileOut
from campaigns.forms.models import Form
from campaigns.mailings.layouts import LAYOUTS
from campaigns.mailings.models import Mailing, Variant
from campaigns.mailings.queries import senders_in_use, transports_in_use, with_origin
from campaigns.mailings.references import MAX_PATTERN, check_pattern
from campaigns.mailings.states import State
from campaigns.planning.models import Drive
from contacts.consent.api import open_topics
from contacts.directory.models import Constituency
from contacts.segments.models import Segment
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.fields import CodeField, RowField, text
from crm.errors import Invalid
from crm.languages import CODES

MOST_BODY = 200_000
# what can be done in each state, as it stands in the address: POST /mailings/{uid}/<verb>
VERBS: dict[State, tuple[str, ...]] = {
    State.DRAFT: ("ask-review", "cancel"),
    State.IN_REVIEW: ("approve", "reject", "withdraw-review", "cancel"),
    State.APPROVED: ("schedule", "send", "cancel"),
    State.SCHEDULED: ("stop", "unschedule", "cancel"),
    State.FREEZING: ("cancel",),
    State.HELD: ("release", "cancel"),
    State.SENDING: ("pause", "cancel"),
    State.PAUSED: ("resume", "cancel"),
    State.FINISHED: (),
    State.CANCELLED: (),
}


def drives(user: User) -> Any:
    return Drive.objects.visible_to(user, Action.WRITE).filter(archived_at__isnull=True).select_related("campaign")


def segments(user: User) -> Any:
    return Segment.objects.visible_to(user).active()


class WallClock(serializers.CharField):
    """A local time without a zone: the zone stands beside it in `send_zone`."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is None or found.tzinfo is not None or not 2000 <= found.year <= 2100:
            raise serializers.ValidationError(_("Write a local time without offset, such as 2026-12-01T12:00."))
        return found.replace(tzinfo=UTC)

    def to_representation(self, value: Any) -> str:
        return str(value.replace(tzinfo=None).isoformat())


class Hours(serializers.IntegerField):
    """A length of time in whole hours, up to two weeks."""

    most = 24 * 14

    def to_internal_value(self, data: Any) -> Any:
        hours = super().to_internal_value(data)
        if not 1 <= hours <= self.most:
            raise serializers.ValidationError(_("Between 1 and %(most)s hours.") % {"most": self.most})
        return timedelta(hours=hours)

    def to_representation(self, value: Any) -> int:
        return int(value.total_seconds() // 3600)


class MailingOut(serializers.Serializer[Mailing]):
    """A mailing in a list."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    state_reason = serializers.CharField(allow_blank=True, help_text="Why it is held, paused or a draft again.")
    allowed = serializers.SerializerMethodField(
        help_text="What can be POSTed to it in this state, if your role allows it."
    )
    version = serializers.IntegerField(source="content_version", help_text="Counts changes of the content.")
    drive = serializers.UUIDField(source="drive.uid")
    segment = serializers.UUIDField(source="segment.uid", allow_null=True, default=None)
    sender = serializers.UUIDField(source="sender.uid", allow_null=True, default=None)
    topic = serializers.UUIDField(source="topic.uid", allow_null=True, default=None)
    transport = serializers.UUIDField(source="transport.uid", allow_null=True, default=None)
    layout = serializers.CharField()
    reference_pattern = serializers.CharField(allow_blank=True, help_text="How its letters are numbered; empty: as its sender's are.")  # fmt: skip
    languages = serializers.SerializerMethodField()
    fallback_languages = serializers.ListField(child=serializers.CharField())
    send_local = WallClock(allow_null=True, help_text="Local time in send_zone; null: when somebody sends it.")
    send_zone = serializers.CharField()
    send_at = serializers.DateTimeField(allow_null=True)
    sends_local = serializers.BooleanField(help_text="send_local is the clock where each recipient is; send_at then is the first of these moments.")  # fmt: skip
    hours_from = serializers.TimeField(allow_null=True, format="%H:%M", help_text="Not earlier in the recipient's day.")
    hours_until = serializers.TimeField(allow_null=True, format="%H:%M")
    skips_weekends = serializers.BooleanField(help_text="Of the recipient's country.")
    skips_holidays = serializers.BooleanField(help_text="National ones, of the recipient's country.")
    stop_until = serializers.DateTimeField(allow_null=True, help_text="Until then it can be stopped without a trace.")
    max_lateness_hours = Hours(source="max_lateness", help_text="Later than this it is held instead of sent.")
    contact_guard_days = serializers.IntegerField()
    copies_to = serializers.CharField(
        source="copies_to.code",
        allow_null=True,
        default=None,
        help_text="Code of the constituency that gets visible copies.",
    )
    answers_of = serializers.UUIDField(
        source="answers_of.uid", allow_null=True, default=None, help_text="The form whose answers its texts may name: `{{ answer.<key> }}`."
    )  # fmt: skip
    tracks_people = serializers.BooleanField()
    resends_uncertain = serializers.BooleanField()
    scope_countries = serializers.ListField(child=serializers.CharField(), allow_null=True)
    written_by = serializers.UUIDField(source="written_by.uid", allow_null=True, default=None)
    approved_by = serializers.UUIDField(source="approval.approved_by.uid", allow_null=True, default=None)
    approved_at = serializers.DateTimeField(source="approval.approved_at", allow_null=True, default=None)
    audience_count = serializers.IntegerField(allow_null=True, help_text="Once it is frozen.")
    frozen_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_allowed(self, mailing: Mailing) -> list[str]:
        return list(VERBS[State(mailing.state)])

    def get_languages(self, mailing: Mailing) -> list[str]:
        return [variant.language for variant in mailing.variants.all()]


class VariantOut(serializers.Serializer[Variant]):
    language = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    preheader = serializers.CharField(allow_blank=True)
    body_html = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    is_text_own = serializers.BooleanField(help_text="Otherwise the text part is made from the body.")


class WaitOut(serializers.Serializer[Any]):
    country = serializers.CharField(allow_blank=True, help_text="Code; empty where it is not known.")
    zone = serializers.CharField()
    due_at = serializers.DateTimeField()
    state = serializers.ChoiceField(["waiting", "late"], help_text="late: it waits for an approver.")
    people = serializers.IntegerField()


class AttachmentOut(KeptFileOut):
    """A file that its letters carry."""

    sha256 = serializers.CharField(source="file.sha256", help_text="Of its octets, in hexadecimal; an approval is for these.")  # fmt: skip
    language = serializers.CharField(allow_blank=True, help_text="Carried by letters in this language; empty: by all.")
    added_by = serializers.UUIDField(
        source="added_by.uid", allow_null=True, default=None, help_text="Who attached it, or made the duplicate that it came with."
    )  # fmt: skip
    added_at = serializers.DateTimeField(allow_null=True, default=None)


class AttachmentIn(serializers.Serializer[Any]):
    file = serializers.FileField(
        allow_empty_file=True, help_text="Under the name that letters show; its ending says what its content is."
    )
    language = serializers.ChoiceField(CODES, required=False, allow_blank=True, help_text="One that it is written in; empty: with all.")  # fmt: skip


class MailingDetail(MailingOut):
    """The whole of it."""

    variants = VariantOut(many=True)
    attachments = serializers.SerializerMethodField(help_text="In their order; see /mailings/{uid}/attachments.")
    waiting = serializers.SerializerMethodField(help_text="Who waits for their country's time, while it is sent.")

    @extend_schema_field(AttachmentOut(many=True))
    def get_attachments(self, mailing: Mailing) -> list[Any]:
        rows = list(mailing.attachments.select_related("file"))
        return list(AttachmentOut(with_origin(mailing, rows), many=True).data)

    @extend_schema_field(WaitOut(many=True))
    def get_waiting(self, mailing: Mailing) -> list[Any]:
        from campaigns.delivery.waits import waiting  # it stands above mailings

        return WaitOut(waiting(mailing), many=True).data


class MailingIn(serializers.Serializer[Any]):
    name = text(300)
    drive = RowField(drives, required=False)
    segment = RowField(segments, required=False, allow_null=True)
    sender = RowField(lambda user: senders_in_use(), required=False, allow_null=True)
    topic = RowField(open_topics, required=False, allow_null=True)
    transport = RowField(lambda user: transports_in_use(), required=False, allow_null=True)
    layout = serializers.ChoiceField([(code, code) for code in LAYOUTS], required=False)
    reference_pattern = text(
        MAX_PATTERN, help_text="Such as GC/{year}/{mailing:04}/{seq}: needs {mailing}, ends with {seq}, may have {month}. Empty: the sender's."
    )  # fmt: skip
    fallback_languages = serializers.ListField(
        child=serializers.ChoiceField(CODES), required=False, max_length=30, help_text="In order, of those written."
    )
    send_local = WallClock(required=False, allow_null=True)
    send_zone = serializers.CharField(max_length=64, required=False, help_text="IANA: Africa/Dakar.")
    sends_local = serializers.BooleanField(required=False, help_text="At send_local where each recipient is.")
    hours_from = serializers.TimeField(required=False, allow_null=True, help_text="By the recipient's clock: 08:00.")
    hours_until = serializers.TimeField(required=False, allow_null=True)
    skips_weekends = serializers.BooleanField(required=False)
    skips_holidays = serializers.BooleanField(required=False)
    max_lateness_hours = Hours(source="max_lateness", required=False)
    contact_guard_days = serializers.IntegerField(min_value=0, max_value=365, required=False)
    copies_to = CodeField(
        lambda user: Constituency.objects.active().of_institutions(),
        required=False,
        allow_null=True,
        help_text="Its institution in the recipient's country gets a visible copy; null: nobody.",
    )
    answers_of = RowField(
        lambda user: Form.objects.visible_to(user).in_use(), required=False, allow_null=True,
        help_text="A form, also an event's or a network's; without it, the one form that the segment is about.",
    )  # fmt: skip
    tracks_people = serializers.BooleanField(required=False)
    resends_uncertain = serializers.BooleanField(required=False)

    def validate_name(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError(_("A mailing needs a name."))
        return value

    def validate_reference_pattern(self, value: str) -> str:
        try:
            return check_pattern(value)
        except Invalid as error:
            raise serializers.ValidationError(error.message, code=error.code) from error

    def validate_send_zone(self, value: str) -> str:
        if value not in available_timezones():
            raise serializers.ValidationError(_("This is not a time zone. Use a name such as Africa/Dakar."))
        return value


class NewMailingIn(MailingIn):
    name = text(300, required=True)
    drive = RowField(drives)
    language = serializers.ChoiceField(CODES, required=False, help_text="The first language; en by default.")


class VariantIn(serializers.Serializer[Any]):
    """One language. The body is HTML with merge fields: `{{ person.name | default('colleague') }}`."""

    subject = text(250)
    preheader = text(250)
    body_html = text(MOST_BODY)
    text = serializers.CharField(max_length=MOST_BODY, required=False, allow_blank=True, trim_whitespace=False)
    is_text_own = serializers.BooleanField(required=False)


class ApproveIn(serializers.Serializer[Any]):
    """What the approver looked at: both stand in the pre-flight."""

    content_hash = serializers.RegexField(r"^[0-9a-f]{64}$")
    audience_count = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="`will_get` of the pre-flight."
    )


class RejectIn(serializers.Serializer[Any]):
    comment = text(300, required=True)


class PauseIn(serializers.Serializer[Any]):
    reason = text(300)


class DuplicateIn(serializers.Serializer[Any]):
    name = text(300)


class TestIn(serializers.Serializer[Any]):
    language = serializers.ChoiceField(CODES, required=False)
    member = serializers.UUIDField(required=False, help_text="Whose fields to use; examples without one.")


class SentTest(serializers.Serializer[Any]):
    sent_to = serializers.CharField()


class FindingOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["bad", "warn", "ok"])
    title = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    step = serializers.CharField(allow_blank=True, help_text="What to do about it.")


class ArrivalOut(serializers.Serializer[Any]):
    country = serializers.CharField(allow_blank=True)
    zone = serializers.CharField()
    at = serializers.DateTimeField()
    people = serializers.IntegerField()


class PreflightOut(serializers.Serializer[Any]):
    """Who gets it and who does not, now; total = will_get + the sum of reasons."""

    at = serializers.DateTimeField()
    content_hash = serializers.CharField(help_text="What `approve` takes.")
    total = serializers.IntegerField()
    will_get = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField(), help_text="First reason → people left out.")
    languages = serializers.DictField(child=serializers.IntegerField())
    countries = serializers.DictField(child=serializers.IntegerField())
    constituencies = serializers.DictField(child=serializers.IntegerField())
    empty_fields = serializers.DictField(child=serializers.IntegerField(), help_text="Merge field → people who have nothing in it.")  # fmt: skip
    copies = serializers.DictField(child=serializers.IntegerField(), help_text="Of visible copies, part of the numbers above: reason → copies, under `will_get` those that go.")  # fmt: skip
    uncopied = serializers.DictField(child=serializers.IntegerField(), help_text="Why letters go out without a copy → letters.")  # fmt: skip
    arrivals = ArrivalOut(many=True, help_text="When it arrives where, of a mailing with hours; else empty.")
    findings = FindingOut(many=True)


class LinkOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.CharField()
    label = serializers.CharField(allow_blank=True)
    people = serializers.IntegerField(help_text="Who clicked, of those who are tracked one by one.")
    untracked = serializers.IntegerField(help_text="Clicks, not people.")
    machines = serializers.IntegerField()
    unknown = serializers.IntegerField()


class GroupOut(serializers.Serializer[Any]):
    code = serializers.CharField(allow_blank=True)
    audience = serializers.IntegerField()
    accepted = serializers.IntegerField()
    tracked = serializers.IntegerField()
    clicked = serializers.IntegerField()
    replied = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    bounced = serializers.IntegerField()


class ReportOut(serializers.Serializer[Any]):
    """The audience as the sum of its outcomes, and what people did. Lead with human clicks and replies, not with opens."""

    mailing = serializers.UUIDField()
    state = serializers.ChoiceField(State.choices)
    audience = serializers.IntegerField()
    outcomes = serializers.DictField(child=serializers.IntegerField(), help_text="Adds up to `audience`.")
    skipped = serializers.DictField(child=serializers.IntegerField(), help_text="Reason → people.")
    copies = serializers.IntegerField(help_text="How many of the audience are visible copies.")
    clicked = serializers.IntegerField(help_text="People, by a human click.")
    replied = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    opened = serializers.IntegerField(help_text="At best guess.")
    machine_opens = serializers.IntegerField()
    bounced = serializers.IntegerField()
    complained = serializers.IntegerField()
    links = LinkOut(many=True)
    constituencies = GroupOut(many=True)
    countries = GroupOut(many=True)
