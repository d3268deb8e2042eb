"""/results, /result-indicators, /actuals, /report-snapshots: the framework in IATI's terms, what was measured, and frozen reports."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.planning.api import BEHIND, BehindOut, PartOut, ResultsReportOut
from campaigns.planning.models import Campaign, Drive, Pillar
from campaigns.results import services, snapshots
from campaigns.results.lists import known
from campaigns.results.models import Actual, Indicator, Kind, Measure, Period, Result, Snapshot
from campaigns.results.report import frozen
from campaigns.results.telling import MOST_UIDS, OF, figure_asked, scope_of, told
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField, text
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource


def _decimal(**more: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=16, decimal_places=2, coerce_to_string=False, **more)


def _campaigns(user: Any) -> Any:
    return Campaign.objects.visible_to(user, Action.DRIVES)


def _drives(user: Any) -> Any:
    return Drive.objects.visible_to(user, Action.DRIVES)


OF_CAMPAIGN = filters.uid("campaign", "Of this campaign.", lambda rows, uid, user: rows.filter(campaign__uid=uid))
OF_DRIVE = filters.uid("drive", "Of this drive alone.", lambda rows, uid, user: rows.filter(drive__uid=uid))


# --- results ----------------------------------------------------------------------------------------------------------
class ResultOut(serializers.Serializer[Result]):
    uid = serializers.UUIDField()
    campaign = serializers.UUIDField(source="campaign.uid")
    pillar = serializers.CharField(source="pillar.name", allow_null=True, default=None)
    drive = serializers.UUIDField(
        source="drive.uid", allow_null=True, default=None, help_text="null: of the whole campaign."
    )
    kind = serializers.ChoiceField(Kind.choices, help_text="IATI result types 1, 2, 3 and 9.")
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ResultIn(serializers.Serializer[Any]):
    title = text(300)
    kind = serializers.ChoiceField(Kind.choices, required=False)
    pillar = RowField(
        lambda user: Pillar.objects.filter(campaign__in=Campaign.objects.visible_to(user)),
        required=False,
        allow_null=True,
    )
    drive = RowField(_drives, required=False, allow_null=True)
    description = text(10_000)


class NewResultIn(ResultIn):
    campaign = RowField(_campaigns)
    title = text(300, required=True)


class ResultResource(Resource):
    """A change that a campaign works for."""

    serializer_class = ResultOut
    needs = {name: (Action.DRIVES,) for name in ("create", "partial_update", "destroy")}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [OF_CAMPAIGN, OF_DRIVE]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Result.objects.visible_to(self.user, action).live()

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign", "pillar", "drive")

    @extend_schema(summary="Results")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One result")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Add a result", request=NewResultIn, responses={201: ResultOut})
    def create(self, request: Request) -> Response:
        made = services.create_result(actor=self.user, **self.read(NewResultIn))
        return self.created(made)

    @extend_schema(summary="Change a result", request=ResultIn, responses=ResultOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(ResultIn, partial=True)
        with self.unchanged(uid, Action.DRIVES) as row:
            services.edit_result(result=row, actor=self.user, **data)
        return Response(self.again(row))

    @extend_schema(summary="Take a result out", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.DRIVES) as row:
            services.archive(row=row, actor=self.user)
        return Response(status=204)


# --- indicators -------------------------------------------------------------------------------------------------------
class PeriodShape(serializers.Serializer[Any]):
    uid = serializers.UUIDField(read_only=True)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    target = _decimal()


class IndicatorOut(serializers.Serializer[Indicator]):
    uid = serializers.UUIDField()
    result = serializers.UUIDField(source="result.uid")
    title = serializers.CharField()
    measure = serializers.ChoiceField(Measure.choices, help_text="IATI indicator measures 1 and 2.")
    unit = serializers.CharField(allow_blank=True)
    is_ascending = serializers.BooleanField(help_text="More is better.")
    baseline = _decimal(allow_null=True)
    baseline_on = serializers.DateField(allow_null=True)
    baseline_note = serializers.CharField(allow_blank=True)
    periods = PeriodShape(many=True, source="periods.all")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class IndicatorIn(serializers.Serializer[Any]):
    title = text(300)
    measure = serializers.ChoiceField(Measure.choices, required=False)
    unit = text(80)
    is_ascending = serializers.BooleanField(required=False)
    baseline = _decimal(required=False, allow_null=True)
    baseline_on = serializers.DateField(required=False, allow_null=True)
    baseline_note = text(300)
    periods = PeriodShape(many=True, required=False, max_length=200)


class NewIndicatorIn(IndicatorIn):
    result = RowField(lambda user: Result.objects.visible_to(user, Action.DRIVES).live())
    title = text(300, required=True)


class IndicatorResource(Resource):
    """By what a result is measured, from which baseline, and what is to be reached in which period."""

    serializer_class = IndicatorOut
    needs = {name: (Action.DRIVES,) for name in ("create", "partial_update", "destroy")}
    filters = [
        filters.uid("result", "Of this result.", lambda rows, uid, user: rows.filter(result__uid=uid)),
        filters.uid("campaign", "Of this campaign.", lambda rows, uid, user: rows.filter(result__campaign__uid=uid)),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Indicator.objects.visible_to(self.user, action).live().filter(result__archived_at=None)

    def full(self, rows: Any) -> Any:
        return rows.select_related("result").prefetch_related("periods")

    def _values(self, shape: type[IndicatorIn], **how: Any) -> dict[str, Any]:
        data = dict(self.read(shape, **how))
        if "periods" in data:
            data["periods"] = [(one["starts_on"], one["ends_on"], one["target"]) for one in data["periods"]]
        return data

    @extend_schema(summary="Indicators of results")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One indicator")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add an indicator", request=NewIndicatorIn, responses={201: IndicatorOut},
        examples=[OpenApiExample("Countries with a plan", {"result": "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c", "title": "Countries that adopted a plan", "unit": "countries", "baseline": 2, "baseline_on": "2026-12-31", "periods": [{"starts_on": "2027-01-01", "ends_on": "2027-12-31", "target": 10}]}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.create_indicator(actor=self.user, **{"periods": [], **self._values(NewIndicatorIn)})
        return self.created(made)

    @extend_schema(summary="Change an indicator", description="`periods` replaces all; one in which something was measured keeps its days.", request=IndicatorIn, responses=IndicatorOut)  # fmt: skip
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self._values(IndicatorIn, partial=True)
        with self.unchanged(uid, Action.DRIVES) as row:
            services.edit_indicator(indicator=row, actor=self.user, **data)
        return Response(self.again(row))

    @extend_schema(summary="Take an indicator out", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.DRIVES) as row:
            services.archive(row=row, actor=self.user)
        return Response(status=204)


# --- actuals ----------------------------------------------------------------------------------------------------------
class ActualOut(serializers.Serializer[Actual]):
    uid = serializers.UUIDField()
    indicator = serializers.UUIDField(source="period.indicator.uid")
    period = serializers.UUIDField(source="period.uid")
    value = _decimal()
    on = serializers.DateField()
    evidence = serializers.CharField(allow_blank=True)
    link = serializers.CharField(allow_blank=True)
    contribution = serializers.CharField(help_text="What we did toward it, and who else did.")
    recorded_by = serializers.UUIDField(source="recorded_by.uid", allow_null=True, default=None)
    recorded_at = serializers.DateTimeField()
    verified_by = serializers.UUIDField(source="verified_by.uid", allow_null=True, default=None)
    verified_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    withdrawn_why = serializers.CharField(allow_blank=True)


class NewActualIn(serializers.Serializer[Any]):
    period = RowField(
        lambda user: Period.objects.filter(indicator__in=Indicator.objects.visible_to(user, Action.LOG).live())
    )
    value = _decimal()
    on = serializers.DateField(help_text="Today or earlier.")
    evidence = text(100_000)
    link = serializers.URLField(max_length=1000, required=False, allow_blank=True)
    contribution = text(100_000, required=True)


class WhyIn(serializers.Serializer[Any]):
    why = text(300, required=True)


class ActualResource(Resource):
    """What was measured in a period, what shows it, and who verified it. It is never changed: withdraw it, and write another."""

    serializer_class = ActualOut
    needs = {name: (Action.LOG,) for name in ("create", "verify", "withdraw")}
    sorts = {"on": ["on"]}
    default_sort = "on"
    filters = [
        filters.uid("indicator", "Of this indicator.", lambda rows, uid, user: rows.filter(period__indicator__uid=uid)),
        filters.uid(
            "campaign",
            "Of this campaign.",
            lambda rows, uid, user: rows.filter(period__indicator__result__campaign__uid=uid),
        ),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Actual.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("period__indicator", "recorded_by", "verified_by")

    @extend_schema(summary="What was measured")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One actual")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Write down what was measured", request=NewActualIn, responses={201: ActualOut})
    def create(self, request: Request) -> Response:
        made = services.record_actual(actor=self.user, **self.read(NewActualIn))
        return self.created(made)

    @extend_schema(
        summary="Verify it", description="Refused (403) to whoever wrote it down.", request=None, responses=ActualOut
    )
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.verify_actual(actual=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(
        summary="Withdraw it",
        description="It stays in the history, and counts no more.",
        request=WhyIn,
        responses=ActualOut,
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.withdraw_actual(actual=row, actor=self.user, **self.read(WhyIn))
        return Response(self.again(row))


# --- frozen reports ---------------------------------------------------------------------------------------------------
class SnapshotOut(serializers.Serializer[Snapshot]):
    uid = serializers.UUIDField()
    campaign = serializers.UUIDField(source="campaign.uid")
    drive = serializers.UUIDField(source="drive.uid", allow_null=True, default=None)
    title = serializers.CharField()
    first_on = serializers.DateField()
    last_on = serializers.DateField()
    taken_at = serializers.DateTimeField()
    taken_by = serializers.UUIDField(source="taken_by.uid", allow_null=True, default=None)
    fingerprint = serializers.CharField(help_text="SHA-256 of its content and rows.")


class FreezeIn(serializers.Serializer[Any]):
    campaign = RowField(_campaigns)
    drive = RowField(_drives, required=False, allow_null=True)
    title = text(300, required=True)
    first_on = serializers.DateField(required=False)
    last_on = serializers.DateField(required=False)


class FrozenOut(ResultsReportOut):
    is_intact = serializers.BooleanField(
        help_text="What is kept is what was frozen: its fingerprint is computed again."
    )
    balance = PartOut(many=True, help_text="The tripartite balance: institutions reached, by side.")


class SnapshotResource(Resource):
    """A report as it stood on a day. It never changes."""

    serializer_class = SnapshotOut
    needs = {"create": (Action.DRIVES,)}
    sorts = {"taken_at": ["taken_at"]}
    default_sort = "taken_at"
    filters = [OF_CAMPAIGN, OF_DRIVE]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Snapshot.objects.visible_to(self.user, action).defer("content")

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign", "drive", "taken_by")

    @extend_schema(summary="Frozen reports")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One frozen report", description="Its numbers: see /report-snapshots/{uid}/content.")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Freeze a report", description="As it stands now, with the ids behind each number.", request=FreezeIn, responses={201: SnapshotOut})  # fmt: skip
    def create(self, request: Request) -> Response:
        data = self.read(FreezeIn)
        drive = data.get("drive")
        if drive is not None and drive.campaign_id != data["campaign"].pk:
            raise Problem(422, _("This drive belongs to another campaign."), fields={"drive": [_("This drive belongs to another campaign.")]})  # fmt: skip
        days = {key: str(data[name]) for key, name in (("from", "first_on"), ("until", "last_on")) if data.get(name)}
        made = snapshots.freeze(
            actor=self.user, scope=scope_of(data["campaign"], drive, self.user, days), title=data["title"]
        )
        return self.created(made)

    @extend_schema(summary="Its numbers as they stood", responses=FrozenOut)
    @action(detail=True, methods=["get"])
    def content(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        snapshot = self.find(uid)
        found = told(frozen(snapshot))
        sides: Any = next(
            (f["parts"].get("constituency", []) for f in found["figures"] if f["code"] == "institutions"), []
        )
        return Response(FrozenOut(found | {"is_intact": snapshots.is_intact(snapshot), "balance": sides}).data)

    @extend_schema(
        summary="The rows behind a number",
        description="The count is what was frozen; the uids are those that are still there and that the token’s user may see.", parameters=BEHIND, responses=BehindOut,
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def behind(self, request: Request, uid: UUID) -> Response:
        self.no_query("figure", "by", "part")
        figure, by, part = figure_asked(request.query_params.dict())
        kept = snapshots.uids_behind(self.find(uid), figure.code, by, part)
        rows = known(self.user, figure.kind, kept).order_by("pk")
        uids = list(rows.values_list("uid", flat=True)[:MOST_UIDS])
        of = OF.get(figure.kind, figure.kind)
        return Response(BehindOut({"figure": figure.code, "of": of, "count": len(kept), "uids": uids}).data)


SECTIONS = [
    Section(
        "Results",
        "Results, indicators, targets and what was measured, in IATI’s terms; and reports frozen on a day.",
        [
            ("results", ResultResource),
            ("result-indicators", IndicatorResource),
            ("actuals", ActualResource),
            ("report-snapshots", SnapshotResource),
        ],
        order=59,
    )
]
