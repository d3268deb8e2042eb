"""A member's own page, behind a signed link: whether they stay, who acts for them, what is shown of them, leaving. Changed by POST."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.commitments.linking import url_of as promise_url
from campaigns.commitments.models import Commitment, CommitmentLink
from campaigns.networks import links, renewing, representatives, services
from campaigns.networks.forms import RepresentativeForm
from campaigns.networks.models import Member, Representative, Shown
from campaigns.offers import services as offers
from campaigns.offers.forms import OfferForm
from campaigns.offers.models import CommitmentOffer
from contacts.consent.links import preference_url
from contacts.directory.models import Organization
from crm.errors import DomainError
from crm.limits import allow
from crm.ui.public import by_link, language_of, public_page

NAMED_A_DAY = 20
PROMISES = 20
REFUSED_DAYS = 90  # so long the page says why an offer was not taken on
OFFERED_A_DAY = 10


@dataclass(frozen=True)
class Holder:
    """Whose page it is. me: the representative who acts; None for an individual, and for a contact who is none."""

    member: Member
    me: Representative | None = None

    @property
    def language(self) -> str:
        if self.me:
            return self.me.language
        application = getattr(self.member, "application", None)
        person = self.member.person or self.member.contact
        return (application.language if application else "") or (person.language if person else "")


def holder_of(token: str) -> Holder | None:
    """By the member's own link (then its contact acts, while they are the one it was made for), or a representative's, which ends with them."""
    rows = Member.objects.select_related("network__campaign", "organization", "person", "contact", "application")
    if found := links.read_member(token):
        member = rows.filter(uid=found[0]).first()
        if member is None or (member.organization_id and (member.contact.uid if member.contact else None) != found[1]):
            return None
        acting = (
            member.representatives.current().filter(person=member.contact_id).first() if member.contact_id else None
        )
        return Holder(member, acting)
    if uid := links.read_uid(links.REPRESENTATIVE, token):
        me = Representative.objects.current().filter(uid=uid).select_related("person").first()
        return Holder(rows.get(pk=me.member_id), me) if me else None
    return None


@by_link
def network_membership(request: HttpRequest, token: str) -> HttpResponse:
    holder = holder_of(token)
    known = bool(links.read_member(token) or links.read_uid(links.REPRESENTATIVE, token))
    with translation.override(language_of(request, holder.language if holder else "")):
        if holder is None:
            answer = public_page(request, "campaigns/networks/gone.html", status=410 if known else 404)
        else:
            answer = _page(request, token, holder)
    return answer


def _page(request: HttpRequest, token: str, holder: Holder) -> HttpResponse:
    form: RepresentativeForm | OfferForm = RepresentativeForm()
    said, status = "", 200
    if request.method == "POST" and holder.member.left_at is None:
        form, said, status = act(request, holder)
        holder = holder_of(token) or Holder(Member.objects.get(pk=holder.member.pk))
    context = page_context(holder, form) | {"said": said, "is_refused": status != 200}
    return public_page(request, "campaigns/networks/member.html", status=status, **context)


def page_context(holder: Holder, form: RepresentativeForm | OfferForm | None = None) -> dict[str, Any]:
    """What the page of a membership shows, by link or in an account. form: the one that was sent, with what is wrong in it."""
    member, person = holder.member, holder.member.person or (holder.me.person if holder.me else holder.member.contact)
    join = settings.BASE_URL + reverse("network_join", args=[member.network.slug])
    people = member.representatives.filter(state__in=Representative.LIVE).select_related("person", "named_by")
    return {
        **_promises(member),
        "form": form if isinstance(form, RepresentativeForm) else RepresentativeForm(),
        "offer_form": form if isinstance(form, OfferForm) else OfferForm(),
        "network": member.network,
        "member": member,
        "me": holder.me,
        "people": list(people.order_by("created_at", "pk")) if member.organization_id else [],
        "invite_url": f"{join}?by={member.uid}",
        "brought": member.brought.present().count(),
        "choices_url": preference_url(person.uid) if person else "",
        "today": timezone.localdate(),
        "shown": [
            (value, label, value in member.shows)
            for value, label in Shown.choices
            if member.organization_id or value not in {Shown.KIND, Shown.WEBSITE}
        ],
    }


def _promises(member: Member) -> dict[str, Any]:
    """What an institution promised in this campaign, each with its link while there is one, and what it offered."""
    if not member.organization:
        return {}
    rows = Commitment.objects.open().filter(organization=member.organization, drive__campaign=member.network.campaign)
    alive = CommitmentLink.objects.filter(revoked_at__isnull=True)
    found = rows.prefetch_related(Prefetch("links", alive, to_attr="alive")).order_by("due_on", "pk")[:PROMISES]
    waiting = CommitmentOffer.objects.waiting().filter(
        organization=member.organization, campaign=member.network.campaign
    )
    lately = timezone.now() - timedelta(days=REFUSED_DAYS)
    refused = CommitmentOffer.objects.told_no(since=lately).filter(
        organization=member.organization, campaign=member.network.campaign
    )[:PROMISES]
    return {
        "promises": [(row, promise_url(row.alive[0]) if row.alive else "") for row in found],
        "offered": list(waiting),
        "refused": list(refused),
    }


def act(request: HttpRequest, holder: Holder) -> tuple[RepresentativeForm | OfferForm, str, int]:
    """One POST of the page: (form as it is shown next, what was done in words, status)."""
    member, me, form = holder.member, holder.me, RepresentativeForm()
    do = request.POST.get("do")
    if do == "leave":
        services.end_membership(member=member, actor=None)
    elif do == "listing":
        services.list_member(
            member=member, is_listed="is_listed" in request.POST, shows=request.POST.getlist("shows"), actor=None
        )
        return form, _("Saved."), 200
    elif do == "renew":
        renewing.renew(member=member)
        return form, _("Thank you. You are a member for another year."), 200
    elif do == "name":
        return _name(request, holder)
    elif do == "offer" and member.organization:
        return _offer(request, holder, member.organization)
    elif do in {"end", "admin", "no_admin"}:
        uid = _uid(request)
        row = member.representatives.filter(uid=uid).first() if uid else None
        if row is None:
            return form, _("Somebody changed this meanwhile. Nothing was changed now."), 409
        try:
            if do == "end":
                representatives.end_representative(representative=row, by=me)
            else:
                representatives.set_admin(representative=row, is_admin=do == "admin", by=me)
        except DomainError as error:
            return form, error.message, error.status
        row.refresh_from_db()
        return form, _("Saved. We look at it and decide.") if row.end_asked_at and do == "end" else _("Saved."), 200
    return form, "", 200


def _uid(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("who", ""))
    except ValueError:
        return None


def _offer(request: HttpRequest, holder: Holder, organization: Organization) -> tuple[OfferForm, str, int]:
    form = OfferForm(request.POST)
    if not form.is_valid():
        return form, "", 422
    if not allow("commitment-offer", str(holder.member.uid), limit=OFFERED_A_DAY, seconds=86_400):
        return form, _("That is enough for today. Nothing is lost: please come back tomorrow."), 429
    person = holder.me.person if holder.me else holder.member.contact
    try:
        offers.offer(
            organization=organization, campaign=holder.member.network.campaign, person=person, **form.cleaned_data
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return form, "", error.status
    return OfferForm(), _("Thank you. We look at it, and then it stands here as your commitment."), 200


def _name(request: HttpRequest, holder: Holder) -> tuple[RepresentativeForm, str, int]:
    form = RepresentativeForm(request.POST)
    if not form.is_valid():
        return form, "", 422
    if not allow("network-name", str(holder.member.uid), limit=NAMED_A_DAY, seconds=86_400):
        return form, _("That is enough for today. Nothing is lost: please come back tomorrow."), 429
    try:
        row = representatives.name_representative(
            member=holder.member, by=holder.me, language=translation.get_language() or "en", **form.cleaned_data
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return form, "", error.status
    said = (
        _("%(name)s represents you now, and gets a mail about it.")
        if row.state == Representative.State.CURRENT
        else _("%(name)s is named. We look at it and write to them.")
    )
    return RepresentativeForm(), said % {"name": row.name}, 200  # as they wrote it: who is known is not told
