"""Cells written in Python: escaped, the same as the kit's components, and no template for each row."""

import datetime as dt
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.template import Context, engines
from django.template.loader import render_to_string
from django.test.signals import template_rendered
from django.urls import reverse
from django.utils import timezone, translation

from crm.ui import cells, formats
from crm.ui.inline import InlineField
from crm.ui.links import query_of, url_of
from crm.ui.tables import Column, Table
from tests.crm.ui.test_tables import request_for
from tests.factories import OrganizationFactory, PersonFactory, UserFactory

NASTY = '<b>"Q"</b> & O\'Neil'
SAFE = "&lt;b&gt;&quot;Q&quot;&lt;/b&gt; &amp; O&#x27;Neil"


class Names(Table):
    columns = [
        Column("name", "Name"),
        Column("url", NASTY, css="num", html=lambda row: cells.link("/x/", row.name)),
        Column("plain", "Plain", html=lambda row: NASTY),
        Column("none", "", value=lambda row: None),
    ]


def rows_of(table, rows, **options):
    table.page = SimpleNamespace(rows=rows)
    return table.written(**options)


def kit(text, **context):
    """What the kit's component makes of it, without the space between tags."""
    made = engines["django"].from_string("{% load cotton %}" + text).template.render(Context(context))
    return "".join(line.strip() for line in made.splitlines())


def test_every_cell_is_escaped_and_named_but_the_first():
    row = SimpleNamespace(uid="u1", pk=1, name=NASTY)

    assert rows_of(Names(request_for(None), None), [row], picks=False) == (
        f"<tr><td>{SAFE}</td>"
        f'<td class="num" data-label="{SAFE}"><a class="gs-quiet-link" href="/x/">{SAFE}</a></td>'
        f'<td data-label="Plain">{SAFE}</td><td>–</td></tr>\n'
    )


@pytest.mark.django_db
def test_box_to_tick_says_whom_it_picks():
    user = UserFactory(name=NASTY)

    written = rows_of(Names(request_for(user), None), [user], picks=True)

    assert written.count('type="checkbox"') == 1
    assert f'name="pick" value="{user.uid}" aria-label="Select {SAFE}"' in written


@pytest.mark.parametrize("kind", ["gov", "warn", "plain"])
def test_badge_is_the_kits(kind):
    component = kit('{% cotton badge kind="{{ kind }}" %}{{ words }}{% endcotton %}', kind=kind, words=NASTY)

    assert cells.badge(kind, NASTY) == component.replace(" >", ">")


def test_bar_is_the_kits():
    component = kit(
        '{% cotton bar label="{{ label }}" :value="part" :of="whole" kind="ok" shown="{{ shown }}" /%}',
        label=NASTY, part=77, whole=12345, shown="of 12,345",
    )  # fmt: skip

    assert cells.bar(NASTY, 77, 12345, kind="ok", shown="of 12,345") == component


def test_addresses_of_rows_are_those_of_the_routes():
    uid = UUID("0192f0c1-2345-7000-8000-0123456789ab")

    assert url_of("person_detail", uid) == reverse("person_detail", args=[uid])
    assert url_of("country_detail", "ZM") == reverse("country_detail", args=["ZM"])
    assert query_of("person_list", organization=uid) == f"{reverse('person_list')}?organization={uid}"


def test_what_was_written_once_is_not_given_to_readers_of_another_language():
    day, moment = dt.date(2019, 3, 5), dt.datetime(2019, 3, 5, 14, 5, tzinfo=dt.UTC)
    written = {}
    for language in ("en", "fr", "en", "ar", "fr"):
        with translation.override(language):
            found = (
                formats.day(day),
                formats.number(12345),
                formats.full_moment(moment),
                str(formats.current_locale()),
            )
        assert written.setdefault(language, found) == found

    assert written["en"][:2] == ("5 Mar 2019", "12,345")
    assert len(set(written.values())) == 3


def test_a_moment_is_in_the_zone_of_its_reader_however_often_it_was_written():
    moment = dt.datetime(2019, 3, 5, 23, 30, tzinfo=dt.UTC)

    assert formats.moment(moment) == "5 Mar 2019, 23:30"
    with timezone.override("Africa/Lusaka"):
        assert formats.moment(moment) == "6 Mar 2019, 01:30"


@pytest.mark.parametrize(
    ("url_name", "factory"), [("person_list", PersonFactory), ("organization_list", OrganizationFactory)]
)
def test_a_list_of_three_takes_as_many_templates_as_a_list_of_one(sign_in, planner, url_name, factory):
    client, counts = sign_in(planner), []
    for more in (1, 2):
        factory.create_batch(more)
        names: list[str] = []

        def rendered(template, names=names, **kwargs):
            names.append(template.name)

        template_rendered.connect(rendered)
        try:
            page = client.get(reverse(url_name)).content.decode()
        finally:
            template_rendered.disconnect(rendered)
        counts.append(len(names))

    assert page.count('name="pick"') == 3
    assert counts[0] > 5
    assert counts[0] == counts[1]


def test_a_value_edited_in_place_is_asked_for_once():
    asked = []
    field = InlineField("greeting", "Greeting", "/x/", lambda: asked.append(1) or NASTY)

    page = render_to_string("crm/ui/_inline_edit.html", {"edit": field})

    assert f"<span>{SAFE}</span>" in page
    assert len(asked) == 1
