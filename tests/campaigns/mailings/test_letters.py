"""The letter: letterhead, place and date, reference, addressee, signature, in the reader's language and direction."""

from datetime import date

import pytest
from django.urls import reverse

from campaigns.mailings.approval import changed_since_approval, content_hash, hash_of, snapshot
from campaigns.mailings.compiling import compile_variant, compile_writing, render
from campaigns.mailings.content import Writing
from campaigns.mailings.layouts import LAYOUTS, Frame
from campaigns.mailings.letterheads import save_letterhead
from campaigns.mailings.letters import long_date, place_and_date
from campaigns.mailings.models import Approval
from crm.audit.models import AuditEntry
from crm.errors import Invalid
from tests.factories import MailingFactory, SenderFactory, VariantFactory

LETTER = Frame(
    layout="letter",
    organization="Social Security <for> All",
    postal_address="4 route des Exemples\nGeneva",
    topic="Updates",
    signature="Ana Ferreira\nHead {{ of }} <office>",
    place_and_date="Geneva, 1 December 2026",
)
MINISTER = {
    "person.formal_name": "H.E. Ms Fatou <Ndiaye>",
    "post.title": "Minister of Labour",
    "organization.name": "Ministry",
    "country.name": "Senegal",
    "reference": "GC/2026/0012/57",
}


def read(fields=MINISTER, frame=LETTER, language="en", subject="Three questions to {{ country.name }}"):
    writing = Writing(language=language, subject=subject, body_html="<p>We write to you.</p>")
    return render(compile_writing(writing, frame), fields, unsubscribe_url="#u", preferences_url="#p")


def test_a_letter_has_all_its_parts_in_order_in_both_parts():
    made = read()

    page = made.html
    order = [
        "Social Security &lt;for&gt; All", "4 route des Exemples</bdi><br><bdi>Geneva", "Geneva, 1 December 2026", "GC/2026/0012/57",
        "H.E. Ms Fatou &lt;Ndiaye&gt;<br>", "Minister of Labour<br>", "Ministry<br>", "Senegal<br>",
        "Subject: Three questions to Senegal", "We write to you.", "Ana Ferreira</bdi><br>", "&lt;office&gt;",
    ]  # fmt: skip
    places = [page.find(part) for part in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)
    assert made.text.startswith(
        "Social Security <for> All\n\nGeneva, 1 December 2026\nOur reference: GC/2026/0012/57\n\n"
        "H.E. Ms Fatou <Ndiaye>\nMinister of Labour\nMinistry\nSenegal\n\n"
        "Subject: Three questions to Senegal\n\nWe write to you.\n\nAna Ferreira\nHead (( of )) <office>\n\n-- \n"
    )


def test_lines_without_a_value_leave_no_gap():
    made = read({"organization.name": "Ministry", "country.name": "Senegal"})

    assert "reference" not in made.text and "Our reference" not in made.html
    assert "\n\nMinistry\nSenegal\n\n" in made.text


def test_an_arabic_letter_runs_from_right_to_left():
    made = read(language="ar", subject="ثلاثة أسئلة")

    assert '<html lang="ar" dir="rtl"' in made.html
    assert "الموضوع: ثلاثة أسئلة" in made.html
    assert "text-align:left" in made.html.split("Geneva, 1 December")[0][-400:]  # the date stands at the line's end


def test_a_french_letter_has_a_narrow_space_before_each_colon():
    made = read(language="fr", subject="Trois questions")

    assert "Réf.\u202f: <bdi>GC/2026/0012/57" in made.html and "Objet\u202f: Trois questions" in made.html
    assert "Réf.\u202f: GC/2026/0012/57\n" in made.text and "Objet\u202f: Trois questions\n" in made.text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_ends_with_the_signature_and_loads_nothing(layout):
    made = read(frame=Frame(layout=layout, signature="Ana Ferreira"))

    assert made.html.index("We write to you.") < made.html.index("Ana Ferreira") < made.html.index("#u")
    assert made.text.index("We write to you.") < made.text.index("Ana Ferreira") < made.text.index("\n-- \n")
    assert "http://" not in made.html.replace("http://www.w3.org", "") and "https://" not in made.html


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Geneva, 1 December 2026"),
        ("fr", "Genève, le 1er décembre 2026"),
        ("es", "Ginebra, 1 de diciembre de 2026"),
        ("xx", "Geneva, 1 December 2026"),
    ],
)
def test_place_and_date_are_written_as_the_language_writes_them(language, text):
    place = {"fr": "Genève", "es": "Ginebra"}.get(language, "Geneva")

    assert place_and_date(place, long_date(date(2026, 12, 1), language), language) == text


def test_only_the_first_of_a_month_is_1er():
    assert long_date(date(2026, 12, 21), "fr") == "21 décembre 2026"
    assert long_date(date(2021, 1, 11), "fr") == "11 janvier 2021"


@pytest.fixture
def approved(db):
    mailing = MailingFactory(sender=SenderFactory())
    snap = snapshot(mailing)
    mailing.approval = Approval.objects.create(
        mailing=mailing, content_hash=hash_of(snap), snapshot=snap, audience_count=1
    )
    mailing.save()
    return mailing


# --- of stored mailings -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_signature_is_in_the_variants_language_else_in_english():
    sender = SenderFactory(signatures={"en": "Head of office", "fr": "Responsable"}, places={"fr": "Genève"})
    mailing = MailingFactory(sender=sender, layout="letter")
    texts = {
        language: compile_variant(VariantFactory(mailing=mailing, language=language, position=9)).text
        for language in ("fr", "sw")
    }

    assert "\n\nResponsable\n\n-- " in texts["fr"] and "Genève, le " in texts["fr"]
    assert "\n\nHead of office\n\n-- " in texts["sw"]


@pytest.mark.django_db
def test_a_changed_signature_or_pattern_is_no_longer_what_was_approved(approved, admin):
    sender = approved.sender
    before = content_hash(approved)

    save_letterhead(sender=sender, actor=admin, signatures={"en": "New head"}, places={}, reference_pattern="")
    approved.refresh_from_db()
    assert changed_since_approval(approved) == ["the sender's signature or place"]

    save_letterhead(sender=sender, actor=admin, signatures={}, places={}, reference_pattern="X/{mailing}/{seq}")
    approved.refresh_from_db()
    assert changed_since_approval(approved) == ["the pattern of reference numbers"]
    save_letterhead(sender=sender, actor=admin, signatures={}, places={}, reference_pattern="")
    approved.refresh_from_db()
    assert content_hash(approved) == before


@pytest.mark.django_db
def test_an_administrator_sets_signature_place_and_pattern(sign_in, admin):
    sender = SenderFactory()
    url = reverse("sender_letterhead", args=[sender.uid])

    answer = sign_in(admin).post(
        url, {"signature_fr": "Ana\r\nResponsable", "place_fr": "Genève", "reference_pattern": "GC/{mailing}/{seq}"}
    )

    assert answer.status_code == 302
    sender.refresh_from_db()
    assert sender.signatures == {"fr": "Ana\nResponsable"}
    assert sender.places == {"fr": "Genève"}
    assert sender.reference_pattern == "GC/{mailing}/{seq}"
    assert AuditEntry.objects.filter(verb="sender.edited", object_uid=sender.uid).count() == 1


@pytest.mark.django_db
def test_a_wrong_pattern_and_a_long_signature_are_refused_and_kept_on_the_form(sign_in, admin):
    sender = SenderFactory()
    answer = sign_in(admin).post(
        reverse("sender_letterhead", args=[sender.uid]),
        {"signature_en": "line\n" * 9, "reference_pattern": "GC/{year}"},
    )

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "A signature has eight lines at most." in page and "A pattern ends with {seq}" in page
    assert 'value="GC/{year}"' in page
    with pytest.raises(Invalid):
        save_letterhead(sender=sender, actor=admin, signatures={}, places={}, reference_pattern="{x}")
