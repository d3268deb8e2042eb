"""The feed itself, without a session, and the page on which one gets, renews and revokes its address."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.calendars import services
from campaigns.calendars.gathering import items_of, name_of
from campaigns.calendars.models import CalendarFeed
from campaigns.calendars.writing import calendar
from campaigns.planning.models import Drive
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, public, requires
from crm.limits import allow_from
from crm.ui.responses import done
from crm.ui.toasts import toast

ASKS, SECONDS = 240, 3600  # of one address of the network: an office has many calendars behind one


@public
@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """The file. What was revoked, guessed or broken answers alike: there is no such feed."""
    if not allow_from("calendar", request, limit=ASKS, seconds=SECONDS):
        return HttpResponse(status=429, headers={"Retry-After": str(SECONDS)})  # calendars ask again by themselves
    feed = services.feed_of(token)
    if feed is None:
        raise Http404
    with timezone.override(feed.user.time_zone or "UTC"), translation.override("en"):
        content = calendar(name_of(feed), items_of(feed))
    services.note_fetch(feed, timezone.now())
    return HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={
            "Content-Disposition": 'inline; filename="groundswell.ics"',
            "Cache-Control": "private, max-age=300",
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex",
        },
    )


@requires(Action.SEE)
@require_safe
def calendar_feeds(request: StaffRequest) -> HttpResponse:
    """One's own feed, and one for each drive that one follows."""
    rows = CalendarFeed.objects.alive().filter(user=request.user).select_related("drive").order_by("drive_id", "pk")
    feeds = [{"row": row, "url": services.url_of(row), "name": row.drive.label if row.drive else ""} for row in rows]
    taken = [row.drive_id for row in rows if row.drive_id]
    drives = (
        Drive.objects.visible_to(request.user).filter(archived_at=None).exclude(pk__in=taken).order_by("sort_key", "pk")
    )
    context = {
        "own": next((feed for feed in feeds if not feed["name"]), None),
        "of_drives": [feed for feed in feeds if feed["name"]],
        "drives": list(drives[:100]),
        "chosen": request.GET.get("drive", ""),
    }
    return render(request, "campaigns/calendars/feeds.html", context)


@requires(Action.SEE)
@require_POST
def calendar_feed_make(request: StaffRequest) -> HttpResponse:
    """`drive`: the uid of one; without it, of one's own work."""
    drive = None
    if uid := request.POST.get("drive", ""):
        try:
            drive = get_object_or_404(Drive.objects.visible_to(request.user), uid=UUID(uid))
        except ValueError:
            raise Http404 from None
    services.make_feed(actor=request.user, drive=drive)
    toast(request, _("Copy the address into your calendar."))
    return done(request, reverse("calendar_feeds"))


def _own(request: StaffRequest, uid: UUID) -> CalendarFeed:
    return get_object_or_404(CalendarFeed.objects.alive().select_related("drive"), uid=uid, user=request.user)


@requires(Action.SEE)
@require_POST
def calendar_feed_renew(request: StaffRequest, uid: UUID) -> HttpResponse:
    services.renew_feed(feed=_own(request, uid), actor=request.user)
    toast(request, _("A new address. The old one leads nowhere any more."))
    return done(request, reverse("calendar_feeds"))


@requires(Action.SEE)
@require_POST
def calendar_feed_revoke(request: StaffRequest, uid: UUID) -> HttpResponse:
    services.revoke_feed(feed=_own(request, uid), actor=request.user)
    toast(request, _("Revoked. Calendars that have it get nothing any more."))
    return done(request, reverse("calendar_feeds"))
