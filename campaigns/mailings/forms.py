"""Forms of mailings, senders and transports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from django import forms
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.forms.models import Form
from campaigns.mailings.answers import forms_of
from campaigns.mailings.languages import language_choices
from campaigns.mailings.layouts import LAYOUTS
from campaigns.mailings.leaving import origins_of
from campaigns.mailings.letter_forms import clean_pattern
from campaigns.mailings.models import Mailing, Sender, Transport
from campaigns.mailings.queries import senders_in_use, transports_in_use
from campaigns.mailings.roads import without_password
from campaigns.mailings.when_forms import WhenForm
from campaigns.oauth.asking import is_here
from campaigns.oauth.catalogue import SMTP
from campaigns.oauth.forms import TOKEN_COLUMNS, TOKEN_HELP, TOKEN_LABELS, TokenForm
from campaigns.planning.models import Drive
from contacts.consent.models import Topic
from contacts.directory.models import Constituency
from contacts.segments.models import Segment
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Invalid
from crm.languages import direction

LATENESS = [(1, _("1 hour")), (4, _("4 hours")), (24, _("1 day")), (72, _("3 days"))]
GUARD = [(0, _("no guard")), (1, _("1 day")), (3, _("3 days")), (7, _("7 days")), (14, _("14 days"))]


class BasicsForm(forms.Form):
    """What every mailing needs before it is written."""

    name = forms.CharField(label=_("Name"), max_length=300, help_text=_("For your colleagues; readers never see it."))
    drive = forms.ModelChoiceField(Drive.objects.none(), label=_("Drive"))
    segment = forms.ModelChoiceField(
        Segment.objects.none(), label=_("Segment"), required=False, help_text=_("Who should get it.")
    )
    sender = forms.ModelChoiceField(Sender.objects.none(), label=_("Sender"), required=False)
    topic = forms.ModelChoiceField(
        Topic.objects.none(),
        label=_("Topic"),
        required=False,
        help_text=_("Only those with a permission for it get the mailing."),
    )

    def __init__(self, *args: Any, user: User, mailing: Mailing | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.mailing = user, mailing
        choices = {
            "drive": Drive.objects.visible_to(user, Action.WRITE).filter(archived_at__isnull=True),
            "segment": Segment.objects.visible_to(user).filter(archived_at__isnull=True),
            "sender": senders_in_use(),
            "topic": Topic.objects.filter(archived_at__isnull=True).order_by("position", "name"),
        }
        for name, queryset in choices.items():
            field = cast(forms.ModelChoiceField, self.fields[name])
            field.queryset = queryset.order_by("sort_key", "pk") if name in ("drive", "segment") else queryset
            field.empty_label = str(_("Choose one")) if field.required else str(_("Choose later"))


class NewMailingForm(BasicsForm):
    language = forms.ChoiceField(label=_("First language"), choices=language_choices, initial="en")
    layout = forms.ChoiceField(
        label=_("Layout"),
        choices=[(code, layout.name) for code, layout in LAYOUTS.items()],
        initial="plain",
        widget=forms.RadioSelect,
    )


class SettingsForm(BasicsForm, WhenForm):
    transport = forms.ModelChoiceField(Transport.objects.none(), label=_("Transport"), required=False)
    layout = forms.ChoiceField(label=_("Layout"), choices=[(code, layout.name) for code, layout in LAYOUTS.items()])
    reference_pattern = forms.CharField(
        label=_("Reference numbers"),
        required=False,
        max_length=80,
        help_text=_("Such as GC/{year}/{mailing:04}/{seq}. Empty: the sender's pattern, if it has one."),
    )
    max_lateness = forms.TypedChoiceField(
        label=_("Hold it when it would leave later than"), choices=LATENESS, coerce=int
    )
    contact_guard_days = forms.TypedChoiceField(
        label=_("Skip whoever was written to within"), choices=GUARD, coerce=int
    )
    copies_to = forms.ModelChoiceField(
        Constituency.objects.none(),
        label=_("Visible copy to"),
        required=False,
        empty_label=_("nobody"),
        help_text=_(
            "A letter to an institution names its copies in a line at its end. The institution of this constituency in the same country, "
            "such as the permanent mission, gets one copy of its own. Pre-flight says how many go."
        ),
    )
    answers_of = forms.ModelChoiceField(
        Form.objects.none(),
        label=_("Answers to"),
        required=False,
        empty_label=_("no form"),
        help_text=_(
            "What each recipient answered to this form, event or network can stand in the text. Who did not answer gets the default that you write."
        ),
    )
    tracks_people = forms.BooleanField(
        label=_("Count who clicks"),
        required=False,
        help_text=_("Off: only totals, for everybody. Members of workers’ organizations are never counted by name."),
    )
    resends_uncertain = forms.BooleanField(
        label=_("Send again when it is uncertain whether a message left"),
        required=False,
        help_text=_("Off: such messages wait for a person to decide."),
    )
    fallback_languages = forms.CharField(
        label=_("Languages that stand in for others, in order"),
        required=False,
        max_length=100,
        help_text=_(
            "Codes such as “en, fr”. Who reads none of the languages written gets the first of these; empty: is skipped."
        ),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        mailing, user = kwargs.get("mailing"), kwargs["user"]
        super().__init__(*args, zone=mailing.send_zone if mailing else user.time_zone, **kwargs)
        cast(forms.ModelChoiceField, self.fields["transport"]).queryset = transports_in_use()
        rows = Constituency.objects.of_institutions().order_by("position", "sort_key")
        current = self.mailing.copies_to_id if self.mailing else None
        cast(forms.ModelChoiceField, self.fields["copies_to"]).queryset = rows.filter(
            Q(archived_at__isnull=True) | Q(pk=current)
        )

        self._offer_forms(user)

    def _offer_forms(self, user: User) -> None:
        """Those that the segment is about come first."""
        current = self.mailing.answers_of_id if self.mailing else None
        field = cast(forms.ModelChoiceField, self.fields["answers_of"])
        field.queryset = Form.objects.filter(
            Q(pk__in=Form.objects.visible_to(user).in_use().values("pk")) | Q(pk=current)
        ).order_by("sort_key", "pk")
        named = forms_of(self.mailing.segment) if self.mailing else set()
        rows = list(field.queryset)
        near = [(row.pk, row.label) for row in rows if row.pk in named]
        far = [(row.pk, row.label) for row in rows if row.pk not in named]
        if near:
            groups = [(str(_("Of the segment")), near), (str(_("Others")), far)] if far else near
            field.widget.choices = [("", str(field.empty_label)), *groups]

    def clean_reference_pattern(self) -> str:
        return clean_pattern(self.cleaned_data["reference_pattern"])

    def clean_fallback_languages(self) -> list[str]:
        codes = [code.strip().lower() for code in self.cleaned_data["fallback_languages"].split(",") if code.strip()]
        written = {v.language for v in self.mailing.variants.all()} if self.mailing else set()
        unknown = [code for code in codes if code not in written]
        if unknown:
            raise forms.ValidationError(
                _("This mailing is not written in %(codes)s. Add the language first."),
                params={"codes": ", ".join(unknown)},
            )
        return list(dict.fromkeys(codes))

    def values(self) -> dict[str, Any]:
        """For `save_settings`. The wall clock is stored as if it were UTC."""
        data = {**self.cleaned_data, **self.times()}
        data.pop("when")
        data["max_lateness"] = timedelta(hours=data["max_lateness"])
        data.pop("version")
        return data


class VariantForm(forms.Form):
    """One language as typed."""

    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    preheader = forms.CharField(
        label=_("Preheader"),
        max_length=250,
        required=False,
        help_text=_("The grey line that inboxes show behind the subject."),
    )
    body_html = forms.CharField(
        label=_("Body"), required=False, max_length=200_000, widget=forms.Textarea(attrs={"rows": 18})
    )
    is_text_own = forms.BooleanField(label=_("Write the text part myself"), required=False)
    text = forms.CharField(
        label=_("Text part"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 14, "class": "gs-mono"}),
        strip=False,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, language: str = "en", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("subject", "preheader", "body_html", "text"):
            self.fields[name].widget.attrs |= {"dir": direction(language), "lang": language}

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class SenderForm(forms.ModelForm):
    class Meta:
        model = Sender
        fields = ["name", "email", "reply_to", "per_second"]
        labels = {
            "name": _("Name"),
            "email": _("E-mail"),
            "reply_to": _("Forward replies to"),
            "per_second": _("Messages a second"),
        }
        help_texts = {
            "name": _("What readers see, such as your organization or a person."),
            "email": _("A mail goes there; whoever reads it says yes before a mailing can leave from it."),
            "reply_to": _("Replies are logged here first, then forwarded. Empty: to the address itself."),
            "per_second": _("By all its mailings together. Empty: as fast as the transport."),
        }


class RoadForm(forms.ModelForm):
    """What every transport has, be it a mail server or a mailing service."""

    class Meta:
        model = Transport
        fields = ["name", "max_connections", "per_second", "leaves_from", "is_default", "takes_own_mail"]
        labels = {
            "name": _("Name"),
            "kind": _("Kind"),
            "max_connections": _("Connections at once"),
            "messages_per_connection": _("Messages per connection"),
            "per_second": _("Messages a second"),
            "leaves_from": _("Mail leaves from"),
            "is_default": _("Use it for new mailings"),
            "takes_own_mail": _("Groundswell’s own mail leaves by it"),
            **TOKEN_LABELS,
        }
        help_texts = {
            "messages_per_connection": _("Then another connection is made. Empty: no limit."),
            "per_second": _("Empty: no limit."),
            "takes_own_mail": _(
                "Sign-in links, invitations, confirmations, notices. Without one they leave by EMAIL_URL."
            ),
            "leaves_from": _(
                "As receivers see it, for the check of senders' domains: 203.0.113.7, mail.example.org, or what a mailing"
                " service says, such as include:spf.service.example. Empty: from the address above."
            ),
            **TOKEN_HELP,
        }
        widgets = {"leaves_from": forms.TextInput}

    def _get_validation_exclusions(self) -> set[str]:
        # one of each at most: the service lets the old one give way, so a second is no mistake here
        return super()._get_validation_exclusions() | {"is_default", "takes_own_mail"}  # type: ignore[misc]

    def clean_leaves_from(self) -> str:
        try:
            origins_of(self.cleaned_data["leaves_from"])
        except Invalid as error:
            raise forms.ValidationError(error.message) from error
        return " ".join(self.cleaned_data["leaves_from"].split())

    def clean_max_connections(self) -> int:
        count = self.cleaned_data["max_connections"]
        if not 1 <= count <= 128:
            raise forms.ValidationError(_("Choose between 1 and 128."))
        return count


class TransportForm(RoadForm, TokenForm):
    """A mail server, with a password in its address or a token."""

    use = SMTP
    url = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=500,
        help_text=_(
            "smtp://user:password@host:587?tls=starttls or smtps://host. Empty: the installation's own EMAIL_URL. The"
            " password is stored encrypted and never shown again."
        ),
    )

    class Meta(RoadForm.Meta):
        fields = [
            "name", "kind", "url", "max_connections", "messages_per_connection", "per_second", "leaves_from", "is_default",
            "takes_own_mail", "sign_in", *TOKEN_COLUMNS,
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored_url = self.instance.url
        kinds = [choice for choice in Transport.Kind.choices if choice[0] != Transport.Kind.SERVICE]
        cast(forms.ChoiceField, self.fields["kind"]).choices = kinds  # a mailing service has a form of its own
        self.initial["url"] = without_password(self.stored_url)

    def clean_url(self) -> str:
        url = self.cleaned_data["url"].strip()
        if url == without_password(self.stored_url):  # the password is never shown, so dots stand for it
            url = self.stored_url
        if url:
            try:
                parts = urlsplit(url)
                known = parts.scheme in ("smtp", "smtps") and parts.hostname and (parts.port is None or parts.port > 0)
            except ValueError:
                known = False
            if not known:
                raise forms.ValidationError(_("Write it as smtp://host:port or smtps://host."))
        return url

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("sign_in") == Transport.SignIn.TOKEN and "url" in data:
            if data.get("kind") != Transport.Kind.SMTP:
                self.add_error("sign_in", _("The local mailbox lets everybody in; tokens are for mail servers."))
            elif problem := _unfit_for_tokens(data["url"]):
                self.add_error("url", problem)
        return data


def _unfit_for_tokens(url: str) -> str:
    """Why an address cannot be signed in to with a token; empty when it can."""
    parts = urlsplit(url)
    if not parts.username or parts.password:
        return gettext(
            "Write it with the account and without a password: smtp://news%40example.org@host:587?tls=starttls."
        )
    if parts.scheme != "smtps" and "tls=starttls" not in parts.query and not is_here(parts.hostname or ""):
        return gettext("A token goes over an encrypted connection only: smtps://, or ?tls=starttls at the end.")
    return ""
