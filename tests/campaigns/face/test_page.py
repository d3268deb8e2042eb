"""The public page: only what may be told, in the visitor's language, small, and switched on by staff."""

import gzip
import io
import re
import time
from xml.etree import ElementTree

import pytest
from django.db import IntegrityError
from django.test import Client
from PIL import Image

from campaigns.face.models import PublicPage
from campaigns.face.services import save_page
from campaigns.face.shapes import shade, view_box, world
from campaigns.networks.models import Application
from contacts.directory.models import Indicator, IndicatorValue
from contacts.directory.reference import COVERAGE
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid, StaleEdit
from tests.factories import (
    CampaignFactory,
    CommitmentFactory,
    CountryFactory,
    DriveFactory,
    FormFactory,
    MemberFactory,
    NetworkFactory,
    OrganizationFactory,
    PublicPageFactory,
)

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def drive():
    campaign = CampaignFactory(
        name="For all", facts=[{"text": "One in five", "source": "The brochure"}, {"text": "", "source": "x"}]
    )
    drive = DriveFactory(campaign=campaign)
    drive.countries.set([CountryFactory(code=code) for code in ("ZM", "TD", "AQ")])
    indicator = Indicator.objects.get_or_create(code=COVERAGE, defaults={"name": "Coverage"})[0]
    IndicatorValue.objects.update_or_create(indicator=indicator, country_id="TD", year=2023, defaults={"value": 2.1})
    return drive


@pytest.fixture
def page(drive):
    return PublicPageFactory(drive=drive, slug="ten", leads={"en": "A plan in each country"})


def shown(path: str, **headers: str) -> str:
    answer = Client().get(path, headers=headers or None)
    assert answer.status_code == 200
    return answer.content.decode()


def test_page_shows_facts_map_public_commitments_and_networks(page, drive):
    CommitmentFactory(
        drive=drive, text="Ratify by spring", is_public=True, organization=OrganizationFactory(name="Ministry A")
    )
    CommitmentFactory(drive=drive, text="Between us", is_public=False)
    CommitmentFactory(
        drive=drive, text="Taken back", is_public=True, state="withdrawn", outcome="x", settled_at="2026-11-01T00:00Z"
    )
    network = NetworkFactory(campaign=drive.campaign, name="Friends", slug="friends")
    MemberFactory(network=network)
    NetworkFactory(campaign=drive.campaign, name="Closed", is_public=False)

    html = shown("/about/ten/")

    for there in ("Half the world has none", "A plan in each country", "One in five", "The brochure", "Ratify by spring", "Ministry A",
                  'href="/join/friends/"', "1 member", "<title>Chad: 2.1\u00a0% (2023)</title>", "1 country has no figure"):  # fmt: skip
        assert there in html, there
    for absent in ("Between us", "Taken back", "Closed"):
        assert absent not in html, absent


def test_a_part_that_is_switched_off_or_empty_is_not_there(page, drive):
    CommitmentFactory(drive=drive, text="Ratify by spring", is_public=True)
    PublicPage.objects.update(parts=["facts"])

    html = shown("/about/ten/")

    assert "One in five" in html
    assert "Ratify" not in html and '<svg class="pub-map"' not in html and 'id="networks"' not in html


def test_languages_fall_back_and_say_which_they_are(page):
    french = shown("/about/ten/?lang=fr")
    assert '<html lang="fr" dir="ltr">' in french
    assert '<h1 dir="auto" lang="fr">La moitié du monde n’a rien</h1>' in french
    assert 'dir="auto" lang="en">A plan in each country</p>' in french  # nobody wrote it in French
    assert "Pourquoi c’est important" in french
    assert 'dir="rtl"' in shown("/about/ten/", **{"accept-language": "ar"})


def test_facts_are_those_of_the_language_then_the_installations_which_are_the_campaigns(page):
    PublicPage.objects.update(facts={"ar": [{"text": "واحد من خمسة", "source": "الكتيّب"}]})

    arabic, french = shown("/about/ten/?lang=ar"), shown("/about/ten/?lang=fr")

    assert "واحد من خمسة" in arabic and "One in five" not in arabic and '<ul class="pub-why" lang="ar"' in arabic
    assert "One in five" in french and '<ul class="pub-why" lang="en"' in french


def test_page_in_a_chosen_language_names_itself_and_the_others(page):
    html = shown("/about/ten/?lang=fr")

    assert re.search(r'<link rel="canonical" href="[^"]+/about/ten/\?lang=fr">', html)
    assert re.search(r'hreflang="x-default" href="[^"]+/about/ten/">', html)
    assert re.search(r'property="og:image" content="[^"]+/about/ten/share.png\?lang=fr">', html)
    assert '"og:locale" content="fr_FR"' in html


def test_person_joins_on_the_page_itself_and_members_who_agreed_are_named(page, drive, monkeypatch):
    optional = FormFactory(
        campaign=drive.campaign, questions=[{"key": "do", "kind": "long", "labels": {"en": "What?"}}]
    )
    network = NetworkFactory(campaign=drive.campaign, slug="friends", form=optional)
    MemberFactory(network=network, organization=OrganizationFactory(name="Union A"), is_listed=True)
    MemberFactory(network=network, organization=OrganizationFactory(name="Shy B"), is_listed=False)
    html = shown("/about/ten/?lang=es")
    assert "Union A" in html and "Shy B" not in html
    values = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', html))
    action = re.search(r'<form method="post" action="([^"]+)"', html)[1]
    assert action == "/join/friends/?lang=es" and values["kind"] == "individual"

    at = time.time()
    monkeypatch.setattr(time, "time", lambda: at + 5)
    said = {**values, "email": "jo@people.test", "name": "Jo", "country": "ZM"}
    answer = Client().post(action, said)

    assert answer.status_code == 200
    row = Application.objects.get()
    assert (row.network, row.name, row.language, row.kind) == (network, "Jo", "es", "individual")


@pytest.mark.parametrize("has_questions", [False, True])
def test_where_three_fields_are_not_enough_the_page_leads_to_the_form(page, drive, has_questions):
    values = {"form": FormFactory(campaign=drive.campaign)} if has_questions else {"kinds": ["institution"]}
    NetworkFactory(campaign=drive.campaign, slug="friends", **values)

    html = shown("/about/ten/")

    assert "<form" not in html and 'class="btn btn-primary" href="/join/friends/"' in html


def test_a_page_that_is_closed_or_of_an_archived_drive_is_not_there(page, drive):
    PublicPage.objects.update(is_public=False)
    assert Client().get("/about/ten/").status_code == 404
    for path in ("share.png", "feed/"):
        assert Client().get(f"/about/ten/{path}").status_code == 404
    PublicPage.objects.update(is_public=True)
    type(drive).objects.update(archived_at="2026-11-01T00:00Z")
    assert Client().get("/about/ten/").status_code == 404


def test_page_is_small_sets_no_cookie_asks_no_third_party_and_may_be_kept(page):
    answer = Client().get("/about/ten/", headers={"accept-encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    html = gzip.decompress(answer.content).decode()
    assert len(answer.content) < 30_000
    assert not answer.cookies
    assert "max-age=300" in answer.headers["Cache-Control"] and "public" in answer.headers["Cache-Control"]
    assert "Accept-Language" in answer.headers["Vary"] and "Cookie" not in answer.headers["Vary"]
    assert 'src="http' not in html and "<script" not in html
    assert 'name="robots" content="noindex"' not in html
    assert Client().post("/about/ten/").status_code == 405


def test_hostile_texts_are_shown_as_texts(page):
    PublicPage.objects.update(headlines={"en": "<script>x</script>\u202e"}, stories={"en": "<img src=x onerror=y>"})

    html = shown("/about/ten/")

    assert "<script>x" not in html and "<img src=x" not in html
    assert "&lt;script&gt;x" in html


def test_queries_do_not_grow_with_what_is_shown(page, drive, django_assert_num_queries):
    NetworkFactory(campaign=drive.campaign)
    shown("/about/ten/")
    with django_assert_num_queries(14):
        shown("/about/ten/")
    for _n in range(3):
        CommitmentFactory(drive=drive, is_public=True)
        MemberFactory(network=NetworkFactory(campaign=drive.campaign))
    with django_assert_num_queries(14):
        shown("/about/ten/")


def test_a_campaigns_page_leads_to_those_of_its_drives(page, drive):
    PublicPageFactory(drive=None, campaign=drive.campaign, slug="all")
    PublicPageFactory(drive=DriveFactory(campaign=drive.campaign), slug="hidden", is_public=False)

    html = shown("/about/all/")

    assert 'href="/about/ten/?lang=en"' in html and "/about/hidden/" not in html


def test_share_picture_has_the_size_that_others_expect(page, monkeypatch):
    answer = Client().get("/about/ten/share.png")
    with monkeypatch.context() as patch:
        patch.setattr("campaigns.face.public_views.picture", None)
        assert Client().get("/about/ten/share.png").content == answer.content  # drawn once

    assert answer.headers["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 630)


def test_feed_tells_of_public_commitments_and_links_to_them(page, drive):
    row = CommitmentFactory(
        drive=drive, text="Ratify", is_public=True, organization=OrganizationFactory(name="Ministry A")
    )
    CommitmentFactory(drive=drive, text="Between us")

    feed = ElementTree.fromstring(shown("/about/ten/feed/"))  # noqa: S314 our own

    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == f"urn:uuid:{row.uid}"
    assert entry.findtext(f"{ATOM}title").startswith("Ministry A: By ")
    assert entry.findtext(f"{ATOM}summary") == "Ratify"
    assert entry.find(f"{ATOM}link").get("href").endswith(f"/about/ten/#c-{row.uid}")


def test_sitemap_and_robots_name_what_is_public_only(page, drive):
    NetworkFactory(campaign=drive.campaign, slug="friends")
    PublicPageFactory(drive=None, campaign=drive.campaign, slug="closed", is_public=False)

    tree = ElementTree.fromstring(shown("/sitemap.xml"))  # noqa: S314 our own

    found = [node.text.split("/", 3)[3] for node in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert found == ["about/ten/", "join/friends/"]
    robots = shown("/robots.txt")
    assert "Disallow: /\n" in robots and "Allow: /about/\n" in robots and "/sitemap.xml" in robots


# --- staff ------------------------------------------------------------------------------------------------------------
VALUES = {
    "slug": "ours",
    "headlines": {"en": "Now"},
    "leads": {},
    "stories": {},
    "facts": {},
    "parts": ["facts"],
    "is_public": True,
}


def test_planner_makes_a_page_in_one_form(sign_in, planner, drive):
    client = sign_in(planner)
    path = f"/drives/{drive.uid}/page/"
    assert drive.label in client.get(path).content.decode()  # a headline to begin with

    answer = client.post(
        path,
        {
            "slug": "Ours",
            "headline_en": "Now",
            "facts_fr": "Un sur cinq | La brochure\nDeux",
            "parts": ["facts", "map"],
            "is_public": "on",
        },
    )

    assert answer.status_code == 302
    row = PublicPage.objects.get()
    assert (row.drive, row.campaign, row.slug, row.headlines) == (drive, drive.campaign, "ours", {"en": "Now"})
    assert row.parts == ["facts", "map"] and row.is_public
    assert row.facts == {"fr": [{"text": "Un sur cinq", "source": "La brochure"}, {"text": "Deux", "source": ""}]}
    assert "Un sur cinq | La brochure\nDeux</textarea>" in client.get(path).content.decode()
    assert AuditEntry.objects.filter(verb="publicpage.created").count() == 1
    assert shown("/about/ours/")


def test_form_says_what_is_wrong_and_keeps_the_input(sign_in, planner, drive):
    PublicPageFactory(slug="taken")

    html = (
        sign_in(planner)
        .post(
            f"/drives/{drive.uid}/page/",
            {"slug": "taken", "headline_en": "", "lead_fr": "Une phrase", "is_public": "on"},
        )
        .content.decode()
    )
    assert "needs a headline" in html and "Une phrase" in html
    html = sign_in(planner).post(f"/drives/{drive.uid}/page/", {"slug": "taken", "headline_en": "X"}).content.decode()
    assert "already exists" in html


def test_two_tabs_and_a_double_click(drive, planner):
    first = save_page(subject=drive, actor=planner, **VALUES)
    assert first is not None
    assert save_page(subject=drive, actor=planner, **VALUES) is None  # a double click changes nothing
    seen = PublicPage.objects.get().updated_at
    save_page(subject=drive, actor=planner, seen_at=seen, slug="ours-2")
    with pytest.raises(StaleEdit):
        save_page(subject=drive, actor=planner, seen_at=seen, slug="ours-3")


def test_making_a_page_is_undone_by_closing_it_and_an_edit_by_what_was(drive, planner):
    made = save_page(subject=drive, actor=planner, **VALUES)
    edit = save_page(subject=drive, actor=planner, headlines={"en": "Later"})

    undo(entry=edit, actor=planner)
    assert PublicPage.objects.get().headlines == {"en": "Now"}
    undo(entry=made, actor=planner)
    row = PublicPage.objects.get()
    assert (row.is_public, row.headlines) == (False, {"en": "Now"})


def test_database_refuses_an_open_page_without_a_headline_and_a_second_of_one_campaign(drive, planner):
    with pytest.raises(Invalid):
        save_page(subject=drive, actor=planner, **VALUES | {"headlines": {}})
    PublicPageFactory(drive=None, campaign=drive.campaign)
    with pytest.raises(IntegrityError):
        PublicPageFactory(drive=None, campaign=drive.campaign)


def test_shades_shapes_and_the_part_that_is_shown():
    assert [shade(value) for value in (None, 0, 19.9, 20, 79, 80, 100)] == [0, 5, 5, 4, 2, 1, 1]
    assert len(world()) > 170 and all(row.path.startswith("M") and row.path.endswith("z") for row in world().values())
    assert view_box(None) == "0 0 1000 430" == view_box(["TV"])  # an island without a shape
    x, y, width, height = map(int, view_box(["TD", "NE"]).split())
    left, top, right, bottom = world()["TD"].box
    assert x < left and right < x + width and y < top and bottom < y + height
    assert (width, height) == (320, 137)
    fiji = world()["FJ"].box
    assert fiji[2] - fiji[0] < 30  # not drawn from one edge to the other
