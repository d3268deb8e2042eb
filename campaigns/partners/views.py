"""The partners' pages: home, institution, network, commitments, mailings, and their own data. Without a script; GET changes nothing."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import AddWebAuthnView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from campaigns.commitments import linking
from campaigns.commitments.forms import PublicForm
from campaigns.commitments.models import CommitmentUpdate
from campaigns.networks.links import vote_url
from campaigns.networks.member_pages import Holder, act, page_context
from campaigns.partners import accounts, mail, services
from campaigns.partners.access import PartnerRequest, for_partners, page
from campaigns.partners.events import occasions
from campaigns.partners.forms import ProfileForm
from campaigns.partners.models import ChangeWish
from campaigns.partners.sections import sections_of
from contacts.consent.erasure.exporting import as_json, collect
from contacts.consent.links import preference_url
from crm.accounts.rules import partner
from crm.audit.services import record
from crm.errors import DomainError
from crm.ids import new_uid
from crm.limits import allow
from crm.ui.public import LANGUAGES, language_of, with_languages

ON_HOME = 5
# a mail in its frame shows itself: no script, no form, no pictures but ours; a link opens a page of its own
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: {pictures}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
FILES_AN_HOUR, UPDATES_AN_HOUR = 5, 20


@for_partners
def partner_home(request: PartnerRequest) -> HttpResponse:
    """What waits for them first, then what is theirs."""
    mine, today = request.mine, timezone.localdate()
    networks = mine.networks()
    ahead = [each for each in occasions(mine) if each.is_ahead]
    commitments = list(mine.commitments().filter(state="open")[: ON_HOME + 1])
    return page(
        request,
        "home",
        networks=networks,
        renewals=[row for row in networks if row.renew_by],
        votes=[(row.application, vote_url(row.uid, mine.person)) for row in mine.votes()[:ON_HOME]],
        organizations=list(mine.organizations()[:20]),
        commitments=commitments[:ON_HOME],
        more_commitments=len(commitments) > ON_HOME,
        mailings=mail.received(mine)[:ON_HOME],
        events=ahead[::-1][:ON_HOME],
        more_events=len(ahead) > ON_HOME,
        sections=sections_of(mine),
        choices_url=preference_url(request.account.person.uid),
        today=today,
    )


# --- institutions -----------------------------------------------------------------------------------------------------
@for_partners
def partner_institution(request: PartnerRequest, uid: UUID) -> HttpResponse:
    """Its profile, with a form whose wishes staff decide; and the networks in which it is represented."""
    organization = get_object_or_404(request.mine.organizations(), uid=uid)
    form = ProfileForm(request.POST) if request.method == "POST" else ProfileForm.of(organization)
    said, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = dict(form.cleaned_data)
            try:
                wish = services.wish_change(
                    organization=organization, person=request.account.person, note=values.pop("note"), values=values
                )
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                said = _("Thank you. We look at it before anything changes.") if wish else _("Nothing was different.")
                status, form = 200, ProfileForm.of(organization)
    waiting = ChangeWish.objects.filter(organization=organization, state="waiting").first()
    labels = {name: field.label for name, field in form.fields.items()}
    members = [row for row in request.mine.networks() if row.organization_id == organization.pk]
    return page(
        request,
        "institution",
        status=status,
        institution=organization,
        form=form,
        said=said,
        waiting=[(labels[field], value) for field, value in waiting.values.items()] if waiting else [],
        waiting_note=waiting.note if waiting else "",
        members=members,
        commitments=list(request.mine.commitments().filter(organization=organization)[:20]),
    )


@for_partners
def partner_network(request: PartnerRequest, uid: UUID) -> HttpResponse:
    """A membership: whether they stay, who represents, what is shown, leaving. The same as behind the signed link."""
    member = get_object_or_404(
        request.mine.memberships().select_related("network__campaign", "organization", "person", "contact"), uid=uid
    )
    holder, said, status = Holder(member, request.mine.representing(member)), "", 200
    form: Any = None
    if request.method == "POST":
        form, said, status = act(request, holder)
        if not request.mine.memberships().filter(pk=member.pk).exists():  # they left, or represent no longer
            messages.success(request, _("Saved."))
            return redirect("partner_home")
        member = (
            request.mine.memberships()
            .select_related("network__campaign", "organization", "person", "contact")
            .get(pk=member.pk)
        )
        holder = Holder(member, request.mine.representing(member))
    return page(request, "network", status=status, said=said, is_refused=status != 200, **page_context(holder, form))


# --- events -----------------------------------------------------------------------------------------------------------
@for_partners
def partner_events(request: PartnerRequest) -> HttpResponse:
    rows = occasions(request.mine)
    return page(
        request, "events", ahead=[r for r in rows if r.is_ahead][::-1], past=[r for r in rows if not r.is_ahead]
    )


# --- commitments ------------------------------------------------------------------------------------------------------
@for_partners
def partner_commitments(request: PartnerRequest) -> HttpResponse:
    rows = list(request.mine.commitments()[:200])
    return page(
        request, "commitments", open=[r for r in rows if r.is_open], settled=[r for r in rows if not r.is_open], today=timezone.localdate()
    )  # fmt: skip


@for_partners
def partner_commitment(request: PartnerRequest, uid: UUID) -> HttpResponse:
    """One commitment; what they say of it waits for staff."""
    row = get_object_or_404(request.mine.commitments(), uid=uid)
    problem, status, said = "", 200, ""
    given: Any = {}
    if request.method == "POST" and row.is_open:
        problem, status, said = _told(request, row)
        given = {} if status == 200 else request.POST
    history = row.updates.by_institution().exclude(state="declined").order_by("-received_at")[:20]
    return page(
        request, "commitment", status=status, row=row, problem=problem, said=said, given=given, key=given.get("key") or new_uid(),
        milestones=list(row.milestones.all()), history=list(history), is_open=row.is_open,
    )  # fmt: skip


def _told(request: PartnerRequest, row: Any) -> tuple[str, int, str]:
    """(what is wrong, status, what was done)."""
    if not allow("partner-promise", str(request.account.uid), limit=UPDATES_AN_HOUR, seconds=3600):
        return "", 429, _("That is enough for today. Nothing is lost: please come back tomorrow.")
    form = PublicForm(request.POST)
    if not form.is_valid():
        return next(iter(form.errors)), 422, ""
    values = form.cleaned_data
    if values["progress"] != CommitmentUpdate.Progress.ON_TRACK and not values["text"].strip():
        return "text", 422, ""
    linking.take_update(
        commitment=row, progress=values["progress"], text=values["text"], evidence_link=values["link"],
        new_due_on=values["new_due_on"], written_by=request.account.person.label, form_key=values["key"],
    )  # fmt: skip
    return "", 200, _("Thank you. We look at it before anything changes.")


@for_partners
def partner_mailings(request: PartnerRequest) -> HttpResponse:
    return page(
        request,
        "mailings",
        mailings=mail.received(request.mine),
        choices_url=preference_url(request.account.person.uid),
    )


@for_partners
def partner_mail(request: PartnerRequest, uid: UUID) -> HttpResponse:
    """One mailing as it reached them: the message itself stands in a frame where nothing runs and nothing is fetched."""
    opened = _opened(request, uid)
    return page(request, "mail", opened=opened, files=[(name, len(data)) for name, _type, data in opened.files])


@for_partners
@xframe_options_sameorigin
def partner_mail_frame(request: PartnerRequest, uid: UUID) -> HttpResponse:
    """The HTML of the message, for the frame only."""
    answer = HttpResponse(mail.framed(_opened(request, uid).html))
    answer["Content-Security-Policy"] = FRAME_POLICY.format(pictures=f"{settings.BASE_URL}/i/")
    return answer


@for_partners
def partner_mail_file(request: PartnerRequest, uid: UUID, number: int) -> HttpResponse:
    files = _opened(request, uid).files
    if number >= len(files):
        raise Http404
    name, _type, data = files[number]
    said = content_disposition_header(True, name) or "attachment"
    return HttpResponse(data, content_type="application/octet-stream", headers={"Content-Disposition": said})


def _opened(request: PartnerRequest, uid: UUID) -> mail.Opened:
    opened = mail.open_mail(request.mine, uid)
    if opened is None:
        raise Http404
    return opened


# --- their own data ---------------------------------------------------------------------------------------------------
@for_partners
def partner_data(request: PartnerRequest) -> HttpResponse:
    """Language, passkeys, everything we hold as a file, erasure, closing the account."""
    account, do = request.account, request.POST.get("do") if request.method == "POST" else ""
    if do == "language":
        accounts.set_language(account=account, language=request.POST.get("language", ""))
        return redirect("partner_data")
    if do == "file":
        return _file(request)
    if do == "erase":
        if "is_sure" in request.POST:
            accounts.ask_erasure(account=account)
            return redirect("partner_data")
        return _data_page(request, status=422, problem=_("Please tick that you are sure. Nothing was asked for yet."))
    if do == "passkey":
        key = request.POST.get("key", "")
        if key.isdigit():
            Authenticator.objects.filter(user=request.user, pk=int(key), type=Authenticator.Type.WEBAUTHN).delete()
        return redirect("partner_data")
    if do == "close":
        accounts.close(account=account)
        logout(request)
        return redirect("account_request_login_code")
    return _data_page(request)


def _data_page(request: PartnerRequest, *, status: int = 200, problem: str = "") -> HttpResponse:
    account = request.account
    keys = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.WEBAUTHN).order_by("pk")
    return page(
        request, "data", status=status, problem=problem, passkeys=[(key.pk, key.wrap().name, key.created_at) for key in keys],
        choices_url=preference_url(account.person.uid), all_languages=LANGUAGES.items(),
    )  # fmt: skip


def _file(request: PartnerRequest) -> HttpResponse:
    if not allow("partner-file", str(request.account.uid), limit=FILES_AN_HOUR, seconds=3600):
        return _data_page(request, status=429, problem=_("That is enough for now. Please try again in an hour."))
    person, now = request.account.person, timezone.now()
    content = json.dumps(as_json(person, collect(person, now), now), ensure_ascii=False, indent=1)
    record(verb="person.export_downloaded", object_type="person", object_uid=person.uid, summary="json")
    answer = HttpResponse(content, content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer


class _AddPasskey(AddWebAuthnView):
    """allauth's way to make a passkey, on a partners' page. It is a second way in, so there are no recovery codes to show."""

    template_name = "campaigns/partners/passkey.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"languages": with_languages(self.request), "form": kwargs.get("form", context.get("form"))}

    def get_success_url(self) -> str:
        return reverse("partner_data")


@partner
def partner_passkey(request: HttpRequest) -> HttpResponse:
    with translation.override(language_of(request, getattr(request.user, "language", ""))):
        answer: Any = _AddPasskey.as_view()(request)
        if hasattr(answer, "render"):
            answer.render()
    answer["Cache-Control"] = "no-store"
    return answer
