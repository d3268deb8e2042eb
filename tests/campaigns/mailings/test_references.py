"""Reference numbers: what a pattern may be, and that no two letters ever share one."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from campaigns.mailings.references import Stem, check_pattern, halves, pattern_of, stem_of
from crm.errors import Invalid
from tests.factories import MailingFactory, SenderFactory

NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("GC/{year}/{seq}", "needs {mailing}"),
        ("GC/{mailing}", "ends with {seq}"),
        ("{seq}/{mailing}", "ends with {seq}"),
        ("{mailing}-{seq}-{seq}", "ends with {seq}"),
        ("GC/{mailing}{seq}", "Put a sign"),
        ("GC/{mailing}/7{seq}", "Put a sign"),
        ("GC/{mailing}/{seq}.", "ends with {seq}"),
        ("GC/{country}/{mailing}/{seq}", "“{country}” is unknown"),
        ("GC/{mailing.__class__}/{seq}", "Braces hold a name"),
        ("GC/{mailing:>9999999}/{seq}", "Braces hold a name"),
        ("GC/{mailing}/{seq", "Braces hold a name"),
        ("G" * 80 + "{mailing}/{seq}", "80 characters"),
    ],
)
def test_a_pattern_that_could_go_wrong_is_refused(pattern, sentence):
    with pytest.raises(Invalid) as refused:
        check_pattern(pattern)

    assert sentence in refused.value.message


def test_an_empty_pattern_means_no_reference_and_spaces_are_tidied():
    assert check_pattern("  ") == ""
    assert check_pattern(" GC  {mailing}/{seq} ") == "GC {mailing}/{seq}"


def test_halves_are_found_again():
    assert halves(" GC/2026/0012/57 ") == ("GC/2026/0012/", 57)
    assert halves("GC/2026/0012/") is None
    assert halves("57") is None
    assert halves(Stem("GC/1/", 4).reference(57)) == ("GC/1/", 57)


@pytest.mark.django_db
def test_a_stem_has_the_year_of_the_mailings_own_zone():
    mailing = MailingFactory(reference_pattern="GC/{year}-{month}/{mailing:04}/{seq:03}", send_zone="Asia/Tokyo")

    assert stem_of(mailing, NEW_YEAR) == Stem(f"GC/2027-01/{mailing.pk:04d}/", 3)
    assert stem_of(mailing, NEW_YEAR).reference(7) == f"GC/2027-01/{mailing.pk:04d}/007"


@pytest.mark.django_db
def test_the_mailings_own_pattern_goes_before_its_senders():
    mailing = MailingFactory(sender=SenderFactory(reference_pattern="S/{mailing}/{seq}"))
    assert pattern_of(mailing) == "S/{mailing}/{seq}"

    mailing.reference_pattern = "M/{mailing}/{seq}"
    assert pattern_of(mailing) == "M/{mailing}/{seq}"
    assert stem_of(MailingFactory(sender=None)) is None


@pytest.mark.django_db
def test_the_database_refuses_a_stem_that_is_taken():
    MailingFactory(reference_stem="GC/2026/0001/")

    with pytest.raises(IntegrityError), transaction.atomic():
        MailingFactory(reference_stem="GC/2026/0001/")
    MailingFactory.create_batch(2, reference_stem="")
