"""The public pages: small, without a cookie, a script or a third party, in the visitor's language. Nothing here can be changed."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from campaigns.events.models import Event
from campaigns.face import showing
from campaigns.face.models import PublicPage
from campaigns.forms.models import Form
from campaigns.networks.models import Network
from crm.accounts.models import Installation
from crm.accounts.rules import public
from crm.paper import picture
from crm.ui.public import LANGUAGES, language_of, public_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from campaigns.commitments.models import Commitment

MINUTES = 5  # that a page may be kept for, here and on the way
SHARE = Path(__file__).parent / "share.typ"
IN_FEED = 30
SHARE_KEPT_SECONDS = 86_400
LOCALES = {"en": "en_GB", "fr": "fr_FR", "es": "es_ES", "ar": "ar_AR"}  # as others name them who show links


def _kept(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For everybody the same, on the installation's clock: it may be compressed, and kept on the way for some minutes."""

    @wraps(view)
    def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with timezone.override(timezone.get_default_timezone()):
            answer = view(request, *args, **kwargs)
        request.session.accessed = (
            False  # who is signed in was looked up and changed nothing: no proxy need ask for the cookie
        )
        if answer.status_code == 200:
            patch_cache_control(answer, public=True, max_age=MINUTES * 60)
        patch_vary_headers(answer, ["Accept-Language"])
        return answer

    return public(require_safe(gzip_page(kept)))


def _open(slug: str) -> PublicPage | None:
    return PublicPage.objects.open().select_related("campaign", "drive").filter(slug=slug).first()


@_kept
def face(request: HttpRequest, slug: str) -> HttpResponse:
    with translation.override(language_of(request)):
        page = _open(slug)
        if page is None:
            return public_page(request, "campaigns/face/gone.html", status=404)
        language = translation.get_language() or "en"
        headline, headline_language = page.text("headlines", language)
        lead, lead_language = page.text("leads", language)
        story, story_language = page.text("stories", language)
        own = settings.BASE_URL + reverse("public_page", args=[slug])
        is_chosen = request.GET.get("lang", "") in LANGUAGES
        parts = showing.parts_of(page, language)
        return public_page(
            request,
            "campaigns/face/page.html",
            page=page,
            headline=headline,
            headline_language=headline_language,
            lead=lead,
            lead_language=lead_language,
            story=story,
            story_language=story_language,
            parts=parts,
            numbers=showing.numbers_of(parts),
            own_url=own,
            this_url=f"{own}?lang={language}" if is_chosen else own,
            share_url=f"{settings.BASE_URL}{reverse('public_page_share', args=[slug])}?lang={language}",
            locale=LOCALES.get(language, language),
            alternates=[(code, f"{own}?lang={code}") for code in LANGUAGES],
        )


@_kept
def share(request: HttpRequest, slug: str) -> HttpResponse:
    """The picture that others show beside a link to the page: 1200 × 630."""
    page = _open(slug)
    if page is None:
        raise Http404
    headline, language = page.text("headlines", language_of(request))
    key = f"face-share:{page.pk}:{page.updated_at.timestamp()}:{page.campaign.updated_at.timestamp()}:{language}"
    data = cache.get(key)  # to draw it takes a second of a processor, and anybody may ask
    if data is None:
        data = picture(SHARE, headline=headline, campaign=page.campaign.label, language=language)
        cache.set(key, data, SHARE_KEPT_SECONDS)
    return HttpResponse(data, content_type="image/png")


class _Commitments(Feed):
    """What institutions promised in public, as Atom."""

    feed_type = Atom1Feed

    def get_object(self, request: HttpRequest, slug: str) -> PublicPage:
        page = _open(slug)
        if page is None:
            raise Http404
        return page

    def title(self, page: PublicPage) -> str:
        return page.text("headlines", translation.get_language() or "en")[0]

    def subtitle(self, page: PublicPage) -> str:
        return _("Commitments that institutions made public")

    def link(self, page: PublicPage) -> str:
        return settings.BASE_URL + reverse("public_page", args=[page.slug])

    def author_name(self, page: PublicPage) -> str:
        return str(Installation.current())

    def items(self, page: PublicPage) -> list[Commitment]:
        return list(showing.commitments_of(page)[:IN_FEED]) if "commitments" in page.parts else []

    def item_title(self, row: Commitment) -> str:
        shown = showing.promise(row)
        return f"{shown.who}: {shown.words}"

    def item_description(self, row: Commitment) -> str:
        return row.text

    def item_guid(self, row: Commitment) -> str:
        return f"urn:uuid:{row.uid}"

    def item_link(self, row: Commitment) -> str:
        page = self._page_of(row)
        return f"{settings.BASE_URL}{page}#c-{row.uid}"

    def item_updateddate(self, row: Commitment) -> Any:
        return row.updated_at

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._slug = str(kwargs["slug"])
        return super().__call__(request, *args, **kwargs)

    def _page_of(self, row: Commitment) -> str:
        return reverse("public_page", args=[self._slug])


@_kept
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    with translation.override(language_of(request)):
        return _Commitments()(request, slug=slug)


@_kept
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every page that search engines may show, with its languages."""
    pages = [
        (reverse("public_page", args=[page.slug]), page.updated_at) for page in PublicPage.objects.open().order_by("pk")
    ]
    networks = [
        (reverse("network_join", args=[row.slug]), row.updated_at) for row in Network.objects.to_join().order_by("pk")
    ]
    events = [
        (reverse("event_page", args=[row.slug]), row.updated_at)
        for row in Event.objects.open_to_all().ahead().order_by("pk")
    ]
    forms = [
        (reverse("form_answer", args=[row.slug]), row.updated_at) for row in Form.objects.to_answer().order_by("pk")
    ]
    found = [*pages, *networks, *events, *forms]
    rows = [{"url": settings.BASE_URL + path, "at": at, "languages": LANGUAGES} for path, at in found]
    return render(request, "campaigns/face/sitemap.xml", {"rows": rows}, content_type="application/xml")


@_kept
def robots(request: HttpRequest) -> HttpResponse:
    """Only what is public may be looked through."""
    lines = [
        "User-agent: *",
        "Allow: /about/",
        "Allow: /join/",
        "Allow: /meet/",
        "Allow: /answer/",
        "Disallow: /answer/go-on/",
        "Allow: /static/",
        "Allow: /sitemap.xml",
        "Disallow: /",
    ]
    text = "\n".join([*lines, f"Sitemap: {settings.BASE_URL}{reverse('sitemap')}", ""])
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
