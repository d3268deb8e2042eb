"""Shapes of events: what staff plan, whom they write to, and what somebody answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import slugify
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.activities.models import Activity
from campaigns.events.answering import Human
from campaigns.events.models import Event, EventMailing, Invitation, Registration
from campaigns.events.services import Part, quotas_of
from campaigns.interactions.words import one_line
from campaigns.planning.forms import DATE, SeenForm, parted_lines
from campaigns.planning.models import Drive
from contacts.consent.addresses import address_key
from contacts.consent.models import Topic
from contacts.directory.forms import LabelledChoice
from contacts.directory.models import Constituency, Country
from contacts.segments.models import Segment
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Invalid
from crm.ui.public import LANGUAGES
from crm.zones import zones

MOST_SESSIONS = 60
MOMENT = {"type": "datetime-local"}
_SESSION = re.compile(r"^(\d{4}-\d\d-\d\d)[ T](\d{1,2}:\d\d)\s*[–-]\s*(\d{1,2}:\d\d)\s+(\S.*)$")


class EventForm(SeenForm):
    drive = LabelledChoice(Drive.objects.none(), label=_("Drive"), to_field_name="uid")
    kind = forms.ChoiceField(label=_("Kind"), choices=Event.Kind.choices)
    name = forms.CharField(label=_("Name"), max_length=300)
    slug = forms.SlugField(
        label=_("Address of its page"),
        max_length=60,
        help_text=_("Letters, digits and hyphens, as in /meet/dialogue-dakar/."),
    )
    starts_local = forms.DateTimeField(label=_("Begins"), widget=forms.DateTimeInput(MOMENT, format="%Y-%m-%dT%H:%M"))
    ends_local = forms.DateTimeField(label=_("Ends"), widget=forms.DateTimeInput(MOMENT, format="%Y-%m-%dT%H:%M"))
    zone = forms.CharField(
        label=_("Time zone"), max_length=64, initial="UTC", help_text=_("Whose clocks these are, such as Africa/Dakar."),
        widget=forms.TextInput({"list": "event-zones", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    place = forms.CharField(label=_("Place"), max_length=300, required=False, help_text=_("House, street, city."))
    country = LabelledChoice(
        Country.objects.none(), label=_("Country"), to_field_name="code", required=False, empty_label=_("none")
    )
    online_url = forms.URLField(
        label=_("Link of the meeting"), required=False, max_length=1000, assume_scheme="https",
        help_text=_("Told only to those who have a seat."),
    )  # fmt: skip
    capacity = forms.IntegerField(
        label=_("Seats"), required=False, min_value=1, max_value=1_000_000, help_text=_("Empty: as many as come.")
    )
    guests_each = forms.IntegerField(label=_("Guests that each may bring"), min_value=0, max_value=9, initial=0)
    answer_by = forms.DateField(label=_("Answers until"), required=False, widget=forms.DateInput(DATE))
    allows_delegate = forms.BooleanField(
        label=_("Who cannot come may send somebody else from their institution"), required=False, initial=True
    )
    quotas = forms.CharField(
        label=_("Seats set aside"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
        help_text=_("One constituency on each line: GOV | 20. Who belongs to none of them shares the rest."),
    )  # fmt: skip
    sessions = forms.CharField(
        label=_("Sessions"), required=False, max_length=20_000, widget=forms.Textarea({"rows": 4, "dir": "auto"}),
        help_text=_("One on each line: 2026-06-09 09:00–10:30 Opening | Room A"),
    )  # fmt: skip
    is_public = forms.BooleanField(label=_("The page is open: everybody can see it"), required=False)
    sign_ups = forms.ChoiceField(
        label=_("Who can sign up there"), choices=Event.SignUps.choices, required=False,
        help_text=_("They confirm their address by mail first. Those whom you invite need no sign-up."),
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["drive"].queryset = (
            Drive.objects.visible_to(user, Action.DRIVES).filter(archived_at=None).order_by("sort_key")
        )
        fields["country"].queryset = Country.objects.order_by("sort_key")
        for code in LANGUAGES:
            if code != settings.LANGUAGE_CODE:  # that one stands above
                fields[f"name_{code}"] = forms.CharField(label=_t("Name"), required=False, max_length=300)
            fields[f"about_{code}"] = forms.CharField(
                label=_t("What it is about"), required=False, max_length=10_000, widget=forms.Textarea({"rows": 4})
            )
            for name in {f"name_{code}", f"about_{code}"} & set(fields):
                fields[name].widget.attrs |= {"lang": code, "dir": "auto"}

    @staticmethod
    def for_activity(activity: Activity) -> dict[str, Any]:
        """What the plan knows of it already: a working day on its days, in its country."""
        day = "%Y-%m-%dT%H:%M"
        return {
            "drive": activity.drive.uid, "name": activity.label, "slug": slugify(activity.label)[:60],
            "kind": Event.Kind.DISCUSSION if activity.kind == "meeting" else Event.Kind.CONFERENCE, "country": activity.country_id,
            "starts_local": datetime.combine(activity.starts_on, time(9)).strftime(day),
            "ends_local": datetime.combine(activity.due_on, time(17)).strftime(day),
        }  # fmt: skip

    @property
    def texts(self) -> list[dict[str, Any]]:
        """The fields of each language, for the template."""
        return [
            {
                "code": code,
                "name": name,
                "fields": [self[n] for n in (f"name_{code}", f"about_{code}") if n in self.fields],
            }
            for code, name in LANGUAGES.items()
        ]

    @property
    def zones(self) -> list[str]:
        return sorted(name for name in zones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/")))

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"])
        if zone not in zones():
            raise forms.ValidationError(
                _t("“%(zone)s” is not a time zone. Use a name such as Africa/Dakar.") % {"zone": zone}
            )
        return zone

    def clean_starts_local(self) -> datetime:
        return self.cleaned_data["starts_local"].replace(tzinfo=None)

    def clean_ends_local(self) -> datetime:
        return self.cleaned_data["ends_local"].replace(tzinfo=None)

    def clean_quotas(self) -> dict[Constituency, int]:
        found: dict[Constituency, int] = {}
        known = {row.code: row for row in Constituency.objects.filter(archived_at=None)}
        for code, count in parted_lines(self.cleaned_data["quotas"]):
            row = known.get(code.upper())
            if row is None or not count.isdigit():
                raise forms.ValidationError(
                    _t("“%(line)s” cannot be read. Write the code of a constituency and a number: GOV | 20.")
                    % {"line": f"{code} | {count}"[:80]}
                )
            found[row] = int(count)
        return found

    def clean_sessions(self) -> list[Part]:
        found: list[Part] = []
        for line, place in parted_lines(self.cleaned_data["sessions"]):
            match = _SESSION.match(line)
            part = _part(match, place) if match else None
            if part is None:
                raise forms.ValidationError(
                    _t("“%(line)s” cannot be read. Write day, time and title: 2026-06-09 09:00–10:30 Opening.")
                    % {"line": line[:80]}
                )
            found.append(part)
        if len(found) > MOST_SESSIONS:
            raise forms.ValidationError(_t("At most %(n)s lines.") % {"n": MOST_SESSIONS})
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("starts_local") and data.get("ends_local") and data["ends_local"] <= data["starts_local"]:
            self.add_error("ends_local", _t("It must end after it begins."))
        if data.get("is_public") and not data.get("place") and not data.get("online_url"):
            self.add_error("place", _t("Say where it is, or give the link of the meeting, before its page is opened."))
        if data.get("sign_ups") and not data.get("is_public"):
            self.add_error("sign_ups", _t("People sign up on the event’s page, so that page has to be open."))
        return data

    def values(self) -> dict[str, Any]:
        """What the services take."""
        data = {k: v for k, v in self.cleaned_data.items() if k != "seen_at" and not k.startswith(("name_", "about_"))}
        said = self.cleaned_data
        data["names"] = {
            code: said[f"name_{code}"].strip() for code in LANGUAGES if said.get(f"name_{code}", "").strip()
        }
        data["abouts"] = {
            code: said[f"about_{code}"].strip() for code in LANGUAGES if said.get(f"about_{code}", "").strip()
        }
        return data

    @classmethod
    def initial_of(cls, event: Event) -> dict[str, Any]:
        plain = ("name", "kind", "slug", "zone", "place", "online_url", "capacity", "guests_each", "answer_by", "allows_delegate", "is_public", "sign_ups")  # fmt: skip
        values: dict[str, Any] = {name: getattr(event, name) for name in plain}
        for code in LANGUAGES:
            values |= {f"name_{code}": event.names.get(code, ""), f"about_{code}": event.abouts.get(code, "")}
        return values | {
            "drive": event.drive.uid,
            "country": event.country_id,
            "starts_local": event.starts_local.replace(tzinfo=None),
            "ends_local": event.ends_local.replace(tzinfo=None),
            "quotas": "\n".join(f"{code} | {seats}" for code, seats in quotas_of(event).items()),
            "sessions": "\n".join(
                f"{s.starts_local:%Y-%m-%d %H:%M}–{s.ends_local:%H:%M} {s.title}" + (f" | {s.place}" if s.place else "")
                for s in event.sessions.all()
            ),
            "seen_at": event.updated_at.isoformat(),
        }


def _part(match: re.Match[str], place: str) -> Part | None:
    """A session of one line; one that ends on the clock before it begins ends the day after."""
    day, begin, end, title = match.groups()
    try:
        first = datetime.fromisoformat(f"{day} {begin:0>5}")
        last = datetime.fromisoformat(f"{day} {end:0>5}")
    except ValueError:
        return None
    return Part(title[:300], first, last if last > first else last + timedelta(days=1), place[:200])


class SignUpForm(forms.Form):
    """What somebody without an invitation writes. Complete on the server; the page needs no script."""

    email = forms.CharField(
        label=_("Your e-mail"), max_length=254, help_text=_("We send one message to confirm. Nothing else until you do."),
        widget=forms.TextInput({"type": "email", "autocomplete": "email", "inputmode": "email", "dir": "ltr"}),
    )  # fmt: skip
    name = forms.CharField(
        label=_("Your name"), max_length=200, widget=forms.TextInput({"autocomplete": "name", "dir": "auto"})
    )
    organization_name = forms.CharField(
        label=_("Your institution"), max_length=300, required=False, help_text=_("Leave it empty if you come for yourself."),
        widget=forms.TextInput({"autocomplete": "organization", "dir": "auto"}),
    )  # fmt: skip
    country = LabelledChoice(
        Country.objects.none(),
        label=_("Country"),
        to_field_name="code",
        required=False,
        empty_label=_("Choose your country"),
    )
    note = forms.CharField(
        label=_("Anything we should know"),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 2, "dir": "auto"}),
    )
    website = forms.CharField(required=False)  # nobody sees it; programs fill it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["country"].queryset = Country.objects.order_by("sort_key")

    def clean_email(self) -> str:
        return mailable(str(self.cleaned_data["email"]).strip())

    def values(self) -> dict[str, Any]:
        """What `sign_up` takes."""
        return {k: v for k, v in self.cleaned_data.items() if k != "website"}


def mailable(email: str) -> str:
    """An address that mail can go to."""
    try:
        key = address_key(email)
    except Invalid:
        key = ""
    if "." not in key.rpartition("@")[2]:
        raise forms.ValidationError(
            _t("This is not an e-mail address that mail can go to. Please look for a slip of the hand.")
        )
    return email


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Why"), max_length=1000, required=False, widget=forms.Textarea({"rows": 2, "dir": "auto"}),
        help_text=_("The letter quotes it. Without one the letter gives none."),
    )  # fmt: skip


class InviteForm(forms.Form):
    """A mailing about an event. segment: asked for with invitations only."""

    segment = forms.ModelChoiceField(
        Segment.objects.none(), label=_("Whom to invite"), to_field_name="uid", required=False
    )
    topic = LabelledChoice(Topic.objects.none(), label=_("Topic"), to_field_name="uid")
    language = forms.ChoiceField(label=_("First language"), choices=[*LANGUAGES.items()])

    def __init__(self, *args: Any, user: User, purpose: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["segment"].queryset = Segment.objects.filter(archived_at=None).order_by("name")
        fields["topic"].queryset = Topic.objects.filter(archived_at=None).order_by("position", "sort_key")
        if purpose != EventMailing.Purpose.INVITATION:
            del fields["segment"]
        else:
            fields["segment"].required = True


class NoteAnswerForm(forms.Form):
    """What somebody said on the phone, noted by staff."""

    says = forms.ChoiceField(label=_("They say"), choices=[(v, w) for v, w in Invitation.Answer.choices if v])
    delegate_name = forms.CharField(label=_("Who comes instead"), max_length=200, required=False)
    delegate_email = forms.CharField(label=_("Their e-mail"), max_length=254, required=False)
    note = forms.CharField(label=_("Note"), max_length=1000, required=False, widget=forms.Textarea({"rows": 2}))

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "says": data["says"],
            "delegate": Human(data["delegate_name"], data["delegate_email"]) if data["says"] == "other" else None,
            "note": data["note"],
        }


class AnswerForm(forms.Form):
    """What a visitor answers. Complete on the server; the page needs no script."""

    says = forms.ChoiceField(widget=forms.RadioSelect)
    delegate_name = forms.CharField(
        label=_("Name of who comes instead of you"), max_length=200, required=False,
        widget=forms.TextInput({"autocomplete": "off", "dir": "auto"}),
    )  # fmt: skip
    delegate_email = forms.CharField(
        label=_("Their e-mail"), max_length=254, required=False,
        widget=forms.TextInput({"type": "email", "autocomplete": "off", "inputmode": "email", "dir": "ltr"}),
    )  # fmt: skip
    note = forms.CharField(
        label=_("Anything we should know"),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 2, "dir": "auto"}),
    )

    def __init__(self, *args: Any, event: Event, sent: Registration | None = None, **kwargs: Any) -> None:
        """sent: who comes instead already. The page never tells their address: whoever has the link sees the page."""
        super().__init__(*args, **kwargs)
        self.event, self.sent = event, sent
        fields: Any = self.fields
        choices = [
            ("yes", _t("Yes, I will come")),
            ("maybe", _t("Maybe, I do not know yet")),
            ("no", _t("No, I cannot come")),
        ]
        if event.allows_delegate:
            choices.append(("other", _t("I cannot come, and send somebody else")))
        else:
            del fields["delegate_name"], fields["delegate_email"]
        if event.allows_delegate and sent and sent.email:
            fields["delegate_email"].help_text = _t("Leave it empty to keep the address that we have.")
        fields["says"].choices = choices
        for number in range(1, event.guests_each + 1):
            fields[f"guest{number}"] = forms.CharField(
                label=_t("Name of guest %(n)s") % {"n": number}, max_length=200, required=False,
                widget=forms.TextInput({"autocomplete": "off", "dir": "auto"}),
            )  # fmt: skip

    @classmethod
    def of(cls, invitation: Invitation, *, chosen: str = "") -> AnswerForm:
        """As it was answered before. chosen: an answer that the link marked."""
        rows = list(invitation.registrations.active().order_by("pk"))
        sent = cls.sent_by(rows)
        known = [value for value, _words in Invitation.Answer.choices if value]
        initial: dict[str, Any] = {"says": chosen if chosen in known else invitation.answer, "note": invitation.note}
        if sent:
            initial["delegate_name"] = sent.name
        guests = [row.name for row in rows if row.role == "guest"]
        initial |= {f"guest{number}": name for number, name in enumerate(guests, start=1)}
        return cls(event=invitation.event, sent=sent, initial=initial)

    @staticmethod
    def sent_by(rows: Iterable[Registration]) -> Registration | None:
        return next((row for row in rows if row.role == "delegate"), None)

    @property
    def guest_fields(self) -> list[Any]:
        return [self[name] for name in self.fields if name.startswith("guest")]

    def clean_delegate_email(self) -> str:
        email = str(self.cleaned_data["delegate_email"]).strip()
        return mailable(email) if email else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("says") == "other":
            is_same = self.sent is not None and one_line(data.get("delegate_name", ""), most=200) == self.sent.name
            if self.sent and is_same and not data.get("delegate_email") and "delegate_email" not in self.errors:
                data["delegate_email"] = self.sent.email
            for name in ("delegate_name", "delegate_email"):
                if not data.get(name, "").strip() and name not in self.errors:
                    self.add_error(name, _t("Please say who comes instead of you, and how we reach them."))
        return data

    def values(self) -> dict[str, Any]:
        """What `answer` takes."""
        data = self.cleaned_data
        guests = [
            Human(data[f"guest{n}"]) for n in range(1, self.event.guests_each + 1) if data.get(f"guest{n}", "").strip()
        ]
        is_other = data["says"] == "other"
        return {
            "says": data["says"],
            "delegate": Human(data["delegate_name"], data["delegate_email"]) if is_other else None,
            "guests": guests if data["says"] in ("yes", "other") else [],
            "note": data["note"],
        }
