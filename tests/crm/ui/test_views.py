"""Today, search, the component page, and what every page must keep to."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from django.conf import settings as project
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.ui import search, shell, today
from crm.ui.menu import ITEMS, MenuItem
from crm.ui.searchtext import normalise
from tests.factories import GrantFactory, UserFactory

HTMX = {"HX-Request": "true"}


@pytest.fixture
def bare(monkeypatch):
    """Registries without what features have put into them."""
    monkeypatch.setattr(today, "NEEDS", {})
    monkeypatch.setattr(today, "CARDS", [])
    monkeypatch.setattr(today, "SETUP", [])
    monkeypatch.setattr(search, "SOURCES", [])
    monkeypatch.setattr(shell, "NEW", [])


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# --- Today
def test_today_orders_what_waits_and_counts_it_in_the_menu(planner, sign_in, bare):
    now = timezone.now()
    today.register_needs(
        lambda user: [
            today.Need("mail", "Later", "why", "#a", "Look", now - dt.timedelta(hours=1)),
            today.Need("mail", "First", "why", "#b", "Look", now - dt.timedelta(days=2), rank=10),
            today.Need("mail", "Due", "why", "#c", "Look", now + dt.timedelta(hours=1), is_due=True),
        ],
        lambda user: [3],
    )

    response = sign_in(planner).get("/")

    assert re.findall(r'class="what" href="#(\w)"', response.content.decode()) == ["b", "c", "a"]
    assert "three things need you" in text_of(response)
    assert re.search(r'class="n">3<', response.content.decode())


def test_today_without_anything_says_so(viewer, sign_in, bare):
    assert "Nothing waits for you" in text_of(sign_in(viewer).get("/"))


@pytest.mark.parametrize(
    ("utc_hour", "zone", "greeting"),
    [
        (6, "Africa/Lusaka", "Good morning, Ana"),
        (12, "Africa/Lusaka", "Good afternoon, Ana"),
        (20, "Asia/Manila", "Good morning, Ana"),
    ],
)
def test_greeting_is_by_the_viewers_clock(db, bare, utc_hour, zone, greeting):
    user = UserFactory(name="Ana Ferreira")

    with timezone.override(zone):
        day = today.day_of(user, now=dt.datetime(2026, 11, 23, utc_hour, tzinfo=dt.UTC))

    assert day.greeting == greeting


def test_set_up_steps_are_for_administrators_until_all_are_done(admin, planner, bare):
    steps = [today.SetupStep("Sender", "why", "/settings/", is_done=False)]
    today.register_setup(lambda user: steps)

    assert today.day_of(admin).steps == steps
    assert today.day_of(planner).steps == []
    steps[:] = [today.SetupStep("Sender", "why", "/settings/", is_done=True)]
    assert today.day_of(admin).steps == []


# --- search
def test_search_asks_each_source_once_and_offers_the_rest(planner, sign_in, bare):
    hits = [search.Hit(f"Ministry {n}", f"/o/{n}/", "Chad") for n in range(9)]
    search.register(
        search.SearchSource(
            "organization",
            "Organizations",
            "building",
            lambda user, text, limit: hits[:limit],
            list_url=lambda text: f"/o/?q={text}",
        )
    )

    response = sign_in(planner).get("/search/", {"q": "Ministry"}, headers=HTMX)

    assert response.content.decode().count('href="/o/') == search.PER_SOURCE + 1
    assert 'href="/o/?q=Ministry"' in response.content.decode()
    assert "<html" not in response.content.decode()


def test_search_leaves_out_what_the_role_may_not_see(viewer, sign_in, bare):
    from crm.accounts.rules import Action

    source = search.SearchSource(
        "user", "Users", "user", lambda user, text, limit: [search.Hit("Secret", "/x/")], actions=(Action.ADMINISTER,)
    )
    search.register(source)

    assert "Secret" not in text_of(sign_in(viewer).get("/search/", {"q": "secret"}))


def test_search_for_nothing_known_says_how_to_search(viewer, sign_in, bare):
    assert "Nothing is called “zzzz”" in text_of(sign_in(viewer).get("/search/", {"q": "zzzz"}))


def test_search_escapes_what_was_typed(viewer, sign_in, bare):
    assert b"<script>alert" not in sign_in(viewer).get("/search/", {"q": "<script>alert(1)</script>"}).content


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Côte d’Ivoire", "cote d'ivoire"),
        ("São Tomé", "SAO  tome"),
        ("Министерство труда", "ministerstvo"),
        ("وزارة العمل", "وزارة"),
    ],
)
def test_names_are_found_however_they_are_typed(name, typed):
    assert all(word in normalise(name) for word in normalise(typed).split())


# --- the shell
def test_menu_holds_only_what_the_user_may_do(viewer, admin, sign_in):
    from crm.accounts.rules import Action

    item = MenuItem("Only for administrators", "lock", "components", order=99, group=9, actions=(Action.ADMINISTER,))
    ITEMS.append(item)
    try:
        assert "Only for administrators" not in text_of(sign_in(viewer).get("/"))
        assert "Only for administrators" in text_of(sign_in(admin).get("/"))
    finally:
        ITEMS.remove(item)


def test_every_menu_entry_leads_somewhere(admin, sign_in):
    client = sign_in(admin)

    for item in ITEMS:
        assert client.get(item.url).status_code == 200, item.url


def test_banner_stands_on_every_page(viewer, sign_in, monkeypatch):
    monkeypatch.setattr(shell, "_banner", (lambda: [1], lambda: shell.Banner("No mail leaves this machine.")))

    assert "No mail leaves this machine." in text_of(sign_in(viewer).get("/"))


def test_fragment_pays_for_no_menu(admin, sign_in, monkeypatch):
    counted = []
    monkeypatch.setattr(
        "crm.ui.menu.ITEMS", [MenuItem("X", "x", "today", 1, count=lambda user: counted.append(1) or [1])]
    )

    body = sign_in(admin).get("/settings/components/", headers=HTMX).content.decode()

    assert "<html" not in body
    assert 'id="sample"' in body
    assert counted == []


# --- components, and the promises that hold for every page
def test_components_page_costs_the_same_for_one_and_three_rows(admin, sign_in, django_assert_num_queries):
    client = sign_in(admin)
    client.get("/settings/components/")
    with CaptureQueriesContext(connection) as one:
        client.get("/settings/components/")
    for _ in range(2):
        GrantFactory(user=UserFactory())

    with django_assert_num_queries(len(one)):
        client.get("/settings/components/")


def test_components_are_for_administrators(planner, sign_in):
    assert sign_in(planner).get("/settings/components/").status_code == 403


def test_form_is_a_page_and_a_dialog_and_says_what_is_wrong(admin, sign_in):
    client = sign_in(admin)

    page = client.get("/settings/components/form/")
    dialog = client.get("/settings/components/form/", headers=HTMX | {"X-Modal": "1"})
    bad = client.post("/settings/components/form/", {"email": "hery@"}, headers=HTMX | {"X-Modal": "1"})

    assert b"<html" in page.content
    assert b"gs-modal-h" in dialog.content and b"<html" not in dialog.content
    assert bad.status_code == 422
    assert 'aria-describedby="dialog-email_error"' in bad.content.decode()
    assert 'id="dialog-email_error"' in bad.content.decode()


def test_form_that_is_done_leaves_the_dialog(admin, sign_in):
    data = {"name": "A", "email": "a@example.org", "role": "editor", "basis": "consent", "agree": "on"}
    client = sign_in(admin)

    assert client.post("/settings/components/form/", data).headers["Location"] == "/settings/components/"
    answer = client.post("/settings/components/form/", data, headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/settings/components/"
    # the message waits for the page that comes next
    assert "HX-Trigger" not in answer.headers
    assert "only a sample" in text_of(client.get("/settings/components/"))


def test_message_of_a_fragment_travels_in_the_header_once(admin, sign_in):
    client = sign_in(admin)

    answer = client.post("/settings/components/toast/warning/", headers=HTMX)

    assert json.loads(answer.headers["HX-Trigger"])["toast"] == [
        {"text": "Moved 3 people to another list.", "level": "warning", "undo": "", "link": "", "link_text": ""}
    ]
    assert "Moved 3 people" not in text_of(client.get("/"))


def test_inline_field_is_text_then_form_then_text(admin, sign_in):
    client = sign_in(admin)
    url = "/settings/components/inline/"

    form = client.get(url, headers=HTMX).content.decode()
    empty = client.post(url, {"name": ""}, headers=HTMX)
    saved = client.post(url, {"name": "Ministry <b>"}, headers=HTMX)

    assert 'name="name"' in form and "<html" not in form
    assert (empty.status_code, "This field is required" in empty.content.decode()) == (422, True)
    assert "Ministry &lt;b&gt;" in saved.content.decode() and "<form" not in saved.content.decode()
    assert "saved" in saved.headers["HX-Trigger"]
    assert client.get(f"{url}?show=1", headers=HTMX).content == client.get(f"{url}?show=1", headers=HTMX).content
    assert b"<html" in client.get(url).content  # without JavaScript it is a page of its own
    assert client.post(url, {"name": "B"}).status_code == 302


def test_fragments_and_pages_are_kept_apart_by_caches(viewer, sign_in):
    assert {"HX-Request", "X-Modal"} <= set(sign_in(viewer).get("/").headers["Vary"].split(", "))


def test_policy_allows_nothing_inline(viewer, sign_in):
    policy = sign_in(viewer).get("/").headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def templates():
    """Those of pages; mail, and files that are handed over, are not under our policy."""
    return sorted(
        path
        for path in Path(project.BASE_DIR, "templates").rglob("*.html")
        if path.parent.name not in {"mail", "export"}
    )


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(project.BASE_DIR / "templates")))
def test_template_keeps_to_the_policy(path):
    """No inline script, style or handler: the policy would block it, silently for the reader."""
    source = re.sub(r"{%\s*comment.*?endcomment\s*%}|<!--.*?-->", "", path.read_text(), flags=re.S)

    found = re.findall(r"<[^>]*\s(?:style|on\w+|hx-on[\w:-]*)=|<style|<script(?![^>]*\ssrc=)[^>]*>|javascript:", source)

    assert [tag for tag in found if 'type="application/json"' not in tag] == []


def test_unknown_page_is_plain_words_with_a_way_back(viewer, sign_in):
    response = sign_in(viewer).get("/nothing/")

    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)


def test_form_from_an_old_page_is_refused_in_words(viewer):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)

    response = client.post("/accounts/logout/")

    assert response.status_code == 403
    assert "nothing was saved" in text_of(response)


def test_our_own_mistake_needs_no_database(rf, django_assert_num_queries, db):
    from crm.ui.views import server_error

    with django_assert_num_queries(0):
        response = server_error(rf.get("/"))

    assert response.status_code == 500
    assert "What was saved before is kept" in text_of(response)


@pytest.mark.parametrize(
    ("is_local", "is_demo", "offered"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_demo_logins_are_offered_on_a_laptop_with_the_demo_only(client, db, settings, is_local, is_demo, offered):
    from crm.accounts.models import Installation

    settings.LOCAL = is_local
    Installation.objects.update_or_create(id=1, defaults={"is_demo": is_demo})

    assert ("ana@groundswell.test" in client.get("/accounts/login/").content.decode()) is offered


@pytest.mark.parametrize("path", ["/", "/accounts/login/"])
def test_staff_pages_do_not_mix_languages(client, viewer, path):
    if path == "/":
        client.force_login(viewer)

    response = client.get(path, headers={"Accept-Language": "ar"})

    assert '<html lang="en" dir="ltr"' in response.content.decode()
    assert response.headers["Content-Language"] == "en"


def test_every_class_of_ours_in_a_template_is_styled_or_a_hook():
    """A class that no style sheet and no script knows is a typing mistake, and something that looks unstyled."""
    sources = Path(project.BASE_DIR, "frontend/src")
    known = {
        name
        for path in [*sources.rglob("*.css"), *sources.rglob("*.js")]
        for name in re.findall(r"[.\"'`#]((?:gs|pub)-[a-z0-9-]+)", path.read_text())
    }
    for path in templates():  # htmx may aim at a class
        known |= set(re.findall(r"(?:target|from|closest|find|next):?\s*\.((?:gs|pub)-[a-z0-9-]+)", path.read_text()))
    unknown = {}
    for path in templates():
        source = re.sub(r"{%\s*comment.*?endcomment\s*%}|{{.*?}}", "", path.read_text(), flags=re.S)
        for attribute in re.findall(r"class=\"([^\"]*)\"", source):
            for name in re.findall(
                r"(?<![\w-])(?:gs|pub)-[a-z0-9-]*[a-z0-9](?![\w-])", re.sub(r"{%.*?%}", " ", attribute)
            ):
                if name not in known:
                    unknown.setdefault(name, path.name)

    assert unknown == {}


def test_every_icon_that_is_named_is_in_the_sprite():
    """The build finds names that stand in quotes; one put together from pieces, or misspelt, would be an empty space."""
    drawn = set(re.findall(r'<symbol id="([^"]+)"', Path(project.BASE_DIR, "static/icons.svg").read_text()))
    named = {}
    for path in templates():
        for name in re.findall(r"""(?:{% icon |\sicon=)["']([^"'{]*(?:{[^"']*)?)["']""", path.read_text()):
            if "{{" not in name:
                named[name] = path.name
    for entry in [*ITEMS, *shell.NEW, *shell.ACCOUNT, *search.SOURCES]:
        named[entry.icon] = entry

    assert {name: where for name, where in named.items() if name and name not in drawn} == {}
