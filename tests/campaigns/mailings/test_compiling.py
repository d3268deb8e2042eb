"""From what was typed to what a recipient reads: order, escaping, links, layouts, the text part."""

import json

import pytest

from campaigns.mailings.compiling import (
    compile_variant,
    compile_writing,
    freeze_content,
    holes,
    load_content,
    own_text,
    render,
    writing_problems,
)
from campaigns.mailings.content import LinkBook, Writing
from campaigns.mailings.editing import clean_body
from campaigns.mailings.layouts import LAYOUTS, Frame, layout_version
from campaigns.mailings.templates import TemplateRefused
from tests.factories import MailingFactory, TopicFactory

FRAME = Frame("plain", "Global Campaign", "4 route des Exemples\nGeneva", "Policy updates")
VALUES = {"person.name": "Fatou Ndiaye", "country.name": "Côte d'Ivoire", "country.coverage": 18.9}


def made(body: str, language: str = "en", frame: Frame = FRAME, **writing):
    return compile_writing(Writing(language=language, subject="Hello", body_html=body, **writing), frame)


def page(body: str, values=VALUES, link_url=None, **options) -> str:
    return render(
        made(body, **options),
        values,
        link_url,
        unsubscribe_url="https://t.test/u/1",
        preferences_url="https://t.test/p/1",
    ).html


def test_fields_are_escaped_in_html_and_plain_in_text() -> None:
    compiled = made("<p>Dear {{ person.name }}</p>")

    found = render(compiled, {"person.name": "<b>A & B</b>"})

    assert "Dear &lt;b&gt;A &amp; B&lt;/b&gt;" in found.html
    assert "Dear <b>A & B</b>" in found.text


def test_body_is_cleaned_and_its_styles_are_ours() -> None:
    found = page(
        '<p onclick="x()">ok</p><script>alert(1)</script><a href="javascript:x">no</a>'
        '<iframe src="https://x"></iframe><p style="position:fixed">p</p>'
    )

    for forbidden in ("onclick", "alert(1)", "javascript:", "<iframe", "position:fixed"):
        assert forbidden not in found
    assert "<p style=" in found


def test_nothing_is_loaded_from_third_parties() -> None:
    for code in LAYOUTS:
        found = page("<p>x</p>", frame=Frame(code, "Org"))
        assert "fonts.googleapis" not in found
        assert "<link" not in found


def test_links_are_numbered_over_all_languages_and_counted_once() -> None:
    book = LinkBook()
    for language in ("en", "fr"):
        compile_writing(
            Writing(
                language, "s", "", f'<p><a href="https://x.org/{language}">a</a> <a href="https://x.org/all">b</a></p>'
            ),
            FRAME,
            book,
        )

    assert [(link.number, link.url, link.languages) for link in book.links.values()] == [
        (1, "https://x.org/en", ["en"]),
        (2, "https://x.org/all", ["en", "fr"]),
        (3, "https://x.org/fr", ["fr"]),
    ]


def test_link_goes_through_the_callable_with_its_destination() -> None:
    asked = []

    def link_url(number: int, url: str) -> str:
        asked.append((number, url))
        return f"https://t.test/c/{number}?a=1&b=2"

    found = page('<p><a href="https://x.org/?a=1&amp;c={{ country.name }}">Go</a></p>', link_url=link_url)

    assert asked[0] == (1, "https://x.org/?a=1&c=C%C3%B4te%20d%27Ivoire")
    assert 'href="https://t.test/c/1?a=1&amp;b=2"' in found


def test_unsubscribe_links_are_not_counted_and_stand_in_both_parts() -> None:
    compiled = made('<p><a href="{{ unsubscribe_url }}">bye</a></p>')

    found = render(compiled, VALUES, lambda n, u: "https://t.test/c", unsubscribe_url="https://t.test/u/1")

    assert compiled.links == []
    assert found.html.count("https://t.test/u/1") == 2
    assert "Unsubscribe: https://t.test/u/1" in found.text


@pytest.mark.parametrize(
    "body",
    [
        '<p><a href="{{ person.name }}">x</a></p>',
        '<p><a href="https://{{ country.name }}/x">x</a></p>',
        '<p><a href="relative/page">x</a></p>',
        '<p><a href="https://x.org/{% if person.name %}a{% endif %}">x</a></p>',
        '<p><img src="https://x.org/{{ person.name }}.png"></p>',
        "<p><b>{% if person.name %}x</b>{% endif %}</p>",
    ],
)
def test_field_or_condition_in_a_dangerous_place_is_refused(body: str) -> None:
    assert writing_problems(Writing("en", "s", "", body))
    with pytest.raises(TemplateRefused):
        made(body)


def test_condition_alone_in_its_paragraph_leaves_no_empty_one() -> None:
    body = "<p>a</p><p>{% if country.coverage &lt; 20 %}</p><p>It is low.</p><p>{% endif %}</p><p>b</p>"

    low, high = (page(body, {"country.coverage": value}) for value in (18.9, 72))

    assert "It is low." in low and "It is low." not in high
    assert low.count("<p ") - high.count("<p ") == 1


def test_text_part_is_readable() -> None:
    text = own_text(
        Writing(
            "en",
            body_html="<h1>News</h1><p>Dear {{ person.name }},</p><ul><li><p>one</p></li><li><p>two</p></li></ul>"
            '<blockquote><p>said</p></blockquote><p><a href="https://x.org/a">Read</a></p><ol><li>first</li></ol>',
        )
    )

    assert text == (
        "News\n====\n\nDear {{ person.name }},\n\n- one\n- two\n\n> said\n\nRead (https://x.org/a)\n\n1. first\n"
    )


def test_own_text_part_is_kept_and_its_links_are_counted_like_those_of_the_body() -> None:
    compiled = made(
        '<p><a href="https://x.org/a">Read</a></p>', text="Read https://x.org/a. Or https://x.org/b", is_text_own=True
    )

    found = render(compiled, VALUES, lambda n, u: f"<{n}>")

    assert "Read <1>. Or <2>" in found.text


@pytest.mark.parametrize(
    ("language", "direction", "word"),
    [("en", "ltr", "Unsubscribe"), ("fr", "ltr", "Se désabonner"), ("es", "ltr", "Cancelar la suscripción"), ("ar", "rtl", "إلغاء الاشتراك"), ("pt", "ltr", "Cancelar a subscrição")],
)  # fmt: skip
@pytest.mark.parametrize("code", list(LAYOUTS))
def test_layout_speaks_the_readers_language_and_direction(code: str, language: str, direction: str, word: str) -> None:
    found = page("<p>x</p>", language=language, frame=Frame(code, "Org", "Street 1", "Topic"))

    assert f'lang="{language}"' in found and f'dir="{direction}"' in found
    other = {"ltr": "rtl", "rtl": "ltr"}[direction]
    assert f"direction:{direction}" in found.replace(" ", "") and f"direction:{other}" not in found.replace(" ", "")
    assert word in found and "Street 1" in found and "Topic" in found


def test_words_of_ours_are_never_read_as_tags() -> None:
    found = page("<p>x</p>", frame=Frame("bulletin", "Org {{ person.name }} {% if", "{{", "{% set x = 1 %}"))

    assert "Fatou" not in found and "Org" in found


def test_layout_version_changes_with_the_file() -> None:
    assert layout_version("plain").startswith("plain@")
    assert layout_version("plain") != layout_version("bulletin").replace("bulletin", "plain")


def test_a_language_that_came_later_changes_only_what_is_written_in_it() -> None:
    assert layout_version("plain", ["en", "fr"]) == layout_version("plain")
    assert layout_version("plain", ["en", "pt-BR"]) != layout_version("plain")


def test_stored_body_keeps_its_tags_and_loses_what_is_not_allowed() -> None:
    body = '<p onclick="x">{{ person.name | default("a") }} {% if country.coverage &lt; 20 %}x{% endif %}</p><script>1</script>'

    stored = clean_body(body)

    assert "onclick" not in stored and "script" not in stored
    assert render(made(stored), {"country.coverage": 18.9}).text.startswith("a x\n")
    assert clean_body(stored) == stored


def test_holes_are_the_empty_fields_without_a_default() -> None:
    writing = Writing("en", "{{ person.name }}", "", "<p>{{ post.title | default('x') }} {{ country.name }}</p>")

    assert holes(writing, {"person.name": "A"}) == ["country.name"]


@pytest.mark.django_db
def test_frozen_content_is_json_and_renders_the_same_after_loading() -> None:
    topic = TopicFactory(name="Policy updates", names={"fr": "Nouvelles"})
    mailing = MailingFactory(topic=topic, languages=["en", "fr"])

    frozen = json.loads(json.dumps(freeze_content(mailing)))
    loaded = load_content(frozen)

    for variant in mailing.variants.all():
        assert render(loaded[variant.pk], VALUES) == render(compile_variant(variant), VALUES)
    french = loaded[mailing.variants.get(language="fr").pk]
    assert "Nouvelles" in render(french, VALUES).text
