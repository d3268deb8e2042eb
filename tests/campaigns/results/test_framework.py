"""Results, indicators, periods and actuals: kept, refused, verified by somebody else, taken back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.results import services
from campaigns.results.forms import read_periods
from campaigns.results.models import Actual, Indicator, Period, Result
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid
from tests.factories import (
    ActualFactory,
    CampaignFactory,
    DriveFactory,
    GrantFactory,
    PeriodFactory,
    ResultFactory,
)

pytestmark = pytest.mark.django_db
SPANS = [(date(2026, 1, 1), date(2026, 12, 31), Decimal(4)), (date(2027, 1, 1), date(2027, 12, 31), Decimal(10))]


def measure(actor, period, **values):
    given = {"value": Decimal(6), "on": date(2026, 10, 1), "evidence": "Six gazettes.", "contribution": "We trained."}
    return services.record_actual(actor=actor, period=period, **{**given, **values})


def test_a_result_is_set_measured_and_taken_back(planner):
    result = services.create_result(actor=planner, campaign=CampaignFactory(), title="Plans are adopted")
    indicator = services.create_indicator(
        actor=planner,
        result=result,
        title="Countries",
        periods=SPANS,
        baseline=Decimal(2),
        baseline_on=date(2025, 1, 1),
    )
    entry = services.edit_indicator(
        indicator=indicator, actor=planner, periods=SPANS[:1], title="Countries with a plan"
    )
    assert indicator.periods.count() == 1
    undo(entry=entry, actor=planner)
    indicator.refresh_from_db()
    assert (services.spans_of(indicator), indicator.title) == (SPANS, "Countries")
    undo(entry=AuditEntry.objects.get(verb="result.created"), actor=planner)
    assert not Result.objects.live().exists()


def test_periods_do_not_overlap_and_one_that_was_measured_keeps_its_days(planner):
    period = PeriodFactory()
    indicator = period.indicator
    with pytest.raises(Invalid, match="overlap"):
        services.edit_indicator(indicator=indicator, actor=planner, periods=[SPANS[0], (date(2026, 12, 31), date(2027, 2, 1), Decimal(5))])  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Period.objects.create(indicator=indicator, starts_on=date(2026, 6, 1), ends_on=date(2026, 7, 1), target=1)
    measure(planner, period)
    with pytest.raises(Invalid, match="measured in a period"):
        services.edit_indicator(indicator=indicator, actor=planner, periods=SPANS)
    longer = [(period.starts_on, period.ends_on, Decimal(12))]
    services.edit_indicator(indicator=indicator, actor=planner, periods=longer)
    assert services.spans_of(indicator) == longer


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"evidence": ""}, "what shows it"),
        ({"contribution": " "}, "what we contributed"),
        ({"on": timezone.localdate() + timedelta(1)}, "today or earlier"),
        ({"on": date(2025, 1, 1)}, "before the period"),
    ],
    ids=["evidence", "contribution", "future", "before"],
)
def test_an_actual_says_what_shows_it_and_what_is_ours(planner, values, words):
    with pytest.raises(Invalid, match=words):
        measure(planner, PeriodFactory(), **values)
    assert not Actual.objects.exists()


def test_an_actual_is_verified_by_somebody_else_and_never_rewritten(planner, outreach):
    key = new_uid()
    actual = measure(outreach, PeriodFactory(indicator__baseline=2), form_key=key)
    assert measure(outreach, actual.period, form_key=key) == actual  # the form was sent twice
    assert actual.progress == 50
    with pytest.raises(NotAllowed, match="somebody else"):
        services.verify_actual(actual=actual, actor=outreach)
    with pytest.raises(IntegrityError), transaction.atomic():
        Actual.objects.filter(pk=actual.pk).update(verified_by=outreach, verified_at=timezone.now())
    entry = services.verify_actual(actual=actual, actor=planner)
    assert services.verify_actual(actual=actual, actor=planner) is None
    for change in (lambda: Actual.objects.filter(pk=actual.pk).update(value=9), lambda: actual.delete()):
        with pytest.raises(IntegrityError, match="not rewritten"), transaction.atomic():
            change()
    undo(entry=entry, actor=planner)
    actual.refresh_from_db()
    assert actual.verified_at is None
    with pytest.raises(Invalid, match="Say why"):
        services.withdraw_actual(actual=actual, actor=planner, why=" ")
    withdrawn = services.withdraw_actual(actual=actual, actor=planner, why="Counted twice.")
    with pytest.raises(Conflict):
        services.verify_actual(actual=actual, actor=planner)
    assert not Actual.objects.standing().exists()
    undo(entry=withdrawn, actor=planner)
    assert Actual.objects.standing().get() == actual


def test_who_plans_for_some_countries_sets_results_of_drives_there():
    drive, elsewhere = DriveFactory(countries=["ZM"]), DriveFactory(countries=["TD"])
    here = GrantFactory(role="planner", is_everywhere=False, countries=["ZM"]).user
    whole = ResultFactory(campaign=drive.campaign)
    theirs = ResultFactory(campaign=elsewhere.campaign, drive=elsewhere)
    mine = services.create_result(actor=here, campaign=drive.campaign, drive=drive, title="Adopted")

    assert set(Result.objects.visible_to(here)) == {whole, mine}
    for row in (whole, theirs):
        with pytest.raises(NotAllowed):
            services.edit_result(result=row, actor=here, title="Other")
    with pytest.raises(NotAllowed):
        services.create_result(actor=here, campaign=drive.campaign, title="Everywhere")


def test_the_framework_page_and_its_forms(sign_in, planner, outreach, viewer):
    actual = ActualFactory(recorded_by=outreach)
    indicator, campaign = actual.period.indicator, actual.period.indicator.result.campaign
    url = reverse("campaign_results", args=[campaign.uid])
    client = sign_in(planner)
    client.get(url)  # what is remembered for all pages
    counts = []
    for _n in range(2):
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url).content.decode()
        counts.append(len(queries))
        ActualFactory(period__indicator__result__campaign=campaign, period__indicator__title="Another")
    assert counts[0] == counts[1] <= 25
    assert "Countries with an adopted plan" in page and "not verified" in page
    verify = reverse("actual_verify", args=[actual.uid])
    assert sign_in(viewer).post(verify).status_code == 403
    assert sign_in(outreach).post(verify).status_code == 403  # who wrote it down
    assert client.post(verify, follow=True).status_code == 200
    assert "verified" in client.get(url).content.decode()
    form = reverse("actual_create", args=[indicator.uid])
    wrong = {"period": str(actual.period.uid), "value": "7", "on": "2026-10-02", "contribution": "<i>We</i> trained."}
    assert client.post(form, wrong).status_code == 422  # nothing shows it
    page = client.post(form, {**wrong, "link": "https://example.org/gazette"}, follow=True).content.decode()
    assert "&lt;i&gt;We" in page and "You wrote it down" in page
    edit = reverse("indicator_edit", args=[indicator.uid])
    assert client.post(edit, {"title": "T", "measure": "unit", "periods": "next year: 10"}).status_code == 422
    assert Indicator.objects.get(pk=indicator.pk).title != "T"


@pytest.mark.parametrize("text", ["", "2027: 10", "2027-02-30 – 2027-03-01: 1", "2027-02-01 – 2027-01-01: 1"], ids=["empty", "year", "day", "order"])  # fmt: skip
def test_a_period_that_cannot_be_read_is_named(text):
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        read_periods(text)
    assert read_periods("2027-01-01 – 2027-12-31: 1,200\n2028-01-01 to 2028-06-30: 5 %")[0][2] == Decimal(1200)
