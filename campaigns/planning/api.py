"""/campaigns and /drives: what a mailing belongs to; a drive's grid, worklist and map, what it begins from, and its report."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.planning import grid_api, services
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Constituency, Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, Codes, Names, RowField, text
from crm.api.problems import Problem, bad_query
from crm.api.registry import Section
from crm.api.views import Resource
from crm.errors import Invalid


class CampaignOut(serializers.Serializer[Campaign]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    goal = serializers.CharField(allow_blank=True)
    starts_on = serializers.DateField(allow_null=True)
    ends_on = serializers.DateField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DriveOut(serializers.Serializer[Drive]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    campaign = serializers.UUIDField(source="campaign.uid")
    goal = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Drive.Status.choices)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    countries = Codes()
    constituencies = Codes()
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


MOST_STEPS = 500
MEASURE_NAMES = list(grid_api.MEASURES)
DAYS = [
    OpenApiParameter(
        "from", str, description="First day, such as 2027-01-01; without it the beginning of what is reported on."
    ),
    OpenApiParameter("until", str, description="Last day; without it today, or the end."),
]


def _many(rows: Any, **kwargs: Any) -> serializers.ListField:
    return serializers.ListField(child=CodeField(rows), max_length=300, **kwargs)


class DriveIn(serializers.Serializer[Any]):
    name = text(300)
    goal = text(5000)
    status = serializers.ChoiceField(Drive.Status.choices, required=False)
    starts_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False)
    owner = RowField(lambda user: User.objects.filter(is_active=True), required=False, allow_null=True)
    countries = _many(lambda user: Country.objects.all(), required=False)
    constituencies = _many(lambda user: Constituency.objects.of_institutions(), required=False)


class NewDriveIn(DriveIn):
    campaign = RowField(lambda user: Campaign.objects.visible_to(user, Action.DRIVES))
    name = text(300, required=True)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()


class BeginIn(serializers.Serializer[Any]):
    template = serializers.CharField(max_length=60, help_text="Code of a template: see /drive-templates.")
    starts_on = serializers.DateField()


class BegunOut(serializers.Serializer[Any]):
    activities = serializers.IntegerField(help_text="How many were planned.")
    objectives = serializers.IntegerField()


class CopyIn(serializers.Serializer[Any]):
    name = text(300, required=True)
    countries = _many(lambda user: Country.objects.all(), allow_empty=False)
    starts_on = serializers.DateField(help_text="All days of the old drive are shifted by as much.")
    pattern = serializers.CharField(
        max_length=2, required=False, allow_blank=True, help_text="The old country whose activities each new one gets."
    )


def _archived(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(archived_at__isnull=not value)


class PartOut(serializers.Serializer[Any]):
    key = serializers.CharField(allow_blank=True)
    label = serializers.CharField()
    value = serializers.IntegerField()


class FigureOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()
    definition = serializers.CharField(help_text="How it is counted.")
    value = serializers.IntegerField()
    note = serializers.CharField(allow_blank=True)
    parts = serializers.DictField(
        child=PartOut(many=True), help_text="By constituency, language, gender, month or kind."
    )


class ResultsReportOut(serializers.Serializer[Any]):
    title = serializers.CharField()
    first_on = serializers.DateField()
    last_on = serializers.DateField()
    is_partial = serializers.BooleanField(help_text="The token’s user does not see all of its countries.")
    figures = FigureOut(many=True)


class BehindOut(serializers.Serializer[Any]):
    figure = serializers.CharField()
    of = serializers.ChoiceField(
        ["people", "organizations", "interactions", "position-steps", "commitments"],
        help_text="Where the uids are read.",
    )
    count = serializers.IntegerField()
    uids = serializers.ListField(child=serializers.UUIDField(), help_text="The first 10,000 of them.")


BEHIND = [
    OpenApiParameter("figure", str, required=True, description="Code of a number of the report."),
    OpenApiParameter(
        "by", str, description="One of the keys of its `parts`: constituency, language, gender, month or kind."
    ),
    OpenApiParameter("part", str, description="The key of that part; with `by`."),
]


class LeftoverOut(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="Of this place with these words.")
    kind = serializers.ChoiceField(["country", "date", "link"])
    where = serializers.CharField(help_text="Whose text, in the language of the token’s user.")
    before = serializers.CharField(allow_blank=True)
    found = serializers.CharField()
    after = serializers.CharField(allow_blank=True)


class LeftoversOut(serializers.Serializer[Any]):
    data = LeftoverOut(many=True)


class KeepIn(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=64)


class CampaignResource(Resource):
    """The long effort."""

    serializer_class = CampaignOut
    sorts = {"name": ["sort_key"]}
    default_sort = "name"
    filters = [filters.flag("archived", "true: only archived ones; false: only those that go on.", _archived)]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Campaign.objects.visible_to(self.user, action)

    @extend_schema(summary="Campaigns")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One campaign")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="The report of a campaign", description="Computed now, with how each number is counted.", parameters=DAYS,
        responses=ResultsReportOut,
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def report(self, request: Request, uid: UUID) -> Response:
        return _report(self, self.find(uid), None)

    @extend_schema(summary="The rows behind a number of its report", description="Now, and as far as the token’s user sees them.", parameters=[*BEHIND, *DAYS], responses=BehindOut)  # fmt: skip
    @action(detail=True, methods=["get"])
    def behind(self, request: Request, uid: UUID) -> Response:
        return _behind(self, self.find(uid), None)


def _behind(view: Resource, campaign: Campaign, drive: Drive | None) -> Response:
    from campaigns.results.telling import behind_told  # results stand above planning

    view.no_query("figure", "by", "part", "from", "until")
    return Response(BehindOut(behind_told(campaign, drive, view.user, view.request.query_params.dict())).data)


def _report(view: Resource, campaign: Campaign, drive: Drive | None) -> Response:
    from campaigns.results.telling import report_told  # results stand above planning

    view.no_query("from", "until")
    return Response(ResultsReportOut(report_told(campaign, drive, view.user, view.request.query_params.dict())).data)


class DriveResource(Resource):
    """A time-bound mobilization inside a campaign: countries × constituencies."""

    serializer_class = DriveOut
    needs = {
        name: (Action.DRIVES,)
        for name in ("create", "partial_update", "destroy", "weights", "begin", "copy", "keep_leftover")
    }
    without_etag = frozenset({"weights"})
    sorts = {"name": ["sort_key"], "starts_on": ["starts_on"]}
    default_sort = "name"
    filters = [
        filters.uid("campaign", "Of this campaign.", lambda rows, uid, user: rows.filter(campaign__uid=uid)),
        filters.choice("status", "Its status.", Drive.Status.values, lambda rows, values, user: rows.filter(status__in=values)),
        filters.flag("archived", "true: only archived ones; false: only those that are not.", _archived),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Drive.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign", "owner").prefetch_related("countries", "constituencies")

    @extend_schema(summary="Drives")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One drive")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Plan a drive", request=NewDriveIn, responses={201: DriveOut},
        examples=[OpenApiExample("Two countries", {"campaign": "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c", "name": "Coverage for farmers", "starts_on": "2027-01-11", "ends_on": "2027-12-18", "countries": ["ZM", "TD"], "constituencies": ["GOV", "EMP", "WRK"]}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        data = {"countries": [], "constituencies": [], **self.read(NewDriveIn)}
        made = services.create_drive(actor=self.user, **data)
        return self.created(made)

    @extend_schema(summary="Change a drive", request=DriveIn, responses=DriveOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(DriveIn, partial=True))
        with self.unchanged(uid, Action.DRIVES) as drive:
            services.edit_drive(drive=drive, actor=self.user, **data)
        return Response(self.again(drive))

    @extend_schema(summary="Archive a drive", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.DRIVES) as drive:
            services.archive_drive(drive=drive, actor=self.user)
        return Response(status=204)

    # --- what it begins from
    @extend_schema(
        summary="Begin from a template", description="Plans its activities and objectives, and adds its asks.", request=BeginIn,
        responses=BegunOut, examples=[OpenApiExample("A country action plan", {"template": "country-action-plan", "starts_on": "2027-01-11"}, request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def begin(self, request: Request, uid: UUID) -> Response:
        from campaigns.activities.blueprints import BLUEPRINTS  # activities stand above planning
        from campaigns.activities.starting import begin_from

        drive, data = self.find(uid, Action.DRIVES), self.read(BeginIn)
        blueprint = BLUEPRINTS.get(data["template"])
        if blueprint is None:
            words = _("“template” is one of: %(offered)s.") % {"offered": ", ".join(BLUEPRINTS)}
            raise Invalid(words, errors=[("template", words)])
        entry = begin_from(actor=self.user, drive=drive, blueprint=blueprint, starts_on=data["starts_on"])
        made = list(entry.changes.values_list("object_type", flat=True))
        return Response({"activities": made.count("activity"), "objectives": made.count("objective")})

    @extend_schema(summary="Copy to other countries", description="Days shifted; objectives begin anew; mailings are not copied.", request=CopyIn, responses={201: DriveOut})  # fmt: skip
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, uid: UUID) -> Response:
        from campaigns.activities.starting import copy_drive  # the same

        source, data = self.find(uid, Action.DRIVES), self.read(CopyIn)
        made = copy_drive(actor=self.user, source=source, **{"pattern": "", **data})
        place = f"{request.path.rpartition('/drives/')[0]}/drives/{made.uid}"
        return Response(self.again(made), status=201, headers={"Location": place})

    @extend_schema(summary="What a copy still says of the old drive", description="Names of its countries, days, links and addresses in the texts of a copied drive. What was mended is no longer there.", responses=LeftoversOut)  # fmt: skip
    @action(detail=True, methods=["get"])
    def leftovers(self, request: Request, uid: UUID) -> Response:
        from campaigns.activities.leftovers import leftovers_of  # the same

        self.no_query()
        return Response(LeftoversOut({"data": leftovers_of(self.find(uid))}).data)

    @extend_schema(summary="Keep one as it stands", description="It is meant so, and is not pointed out again.", request=KeepIn, responses=LeftoversOut)  # fmt: skip
    @leftovers.mapping.post
    def keep_leftover(self, request: Request, uid: UUID) -> Response:
        from campaigns.activities.leftovers import keep, leftovers_of  # the same

        drive = self.find(uid, Action.DRIVES)
        if keep(drive=drive, actor=self.user, key=self.read(KeepIn)["key"]) is None:
            raise Problem(404, _("No text of this drive says that any more, or it was kept before."))
        return Response(LeftoversOut({"data": leftovers_of(self.find(uid))}).data)

    # --- what it knows
    @extend_schema(
        summary="Grid", description="Every country × constituency: who is known, reached, silent, and where they stand.",
        parameters=[OpenApiParameter("ask", UUID, description="Whose positions to tell; without it the first ask.")],
        responses=grid_api.GridOut,
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def grid(self, request: Request, uid: UUID) -> Response:
        self.no_query("ask")
        return Response(grid_api.GridOut(grid_api.grid_told(self.find(uid), self.user, request.query_params.get("ask", ""))).data)  # fmt: skip

    @extend_schema(
        summary="Who next?", description="The cells of the grid by how much they need somebody, each with its reasons.",
        parameters=[OpenApiParameter("limit", int, description=f"At most {MOST_STEPS}; 100 without it.")],
        responses=grid_api.WorklistOut,
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def worklist(self, request: Request, uid: UUID) -> Response:
        self.no_query("limit")
        given = request.query_params.get("limit", "100")
        if not (given.isascii() and given.isdecimal() and len(given) <= 4 and 1 <= int(given) <= MOST_STEPS):
            raise bad_query("limit", _("“limit” is a number from 1 to %(n)s.") % {"n": MOST_STEPS})
        return Response(grid_api.WorklistOut(grid_api.worklist_told(self.find(uid), self.user, int(given))).data)

    @extend_schema(summary="Set the weights of Who next?", description="From 0 (does not count) to 5.", request=grid_api.WeightsIn, responses=grid_api.WeightsOut)  # fmt: skip
    @action(detail=True, methods=["patch"])
    def weights(self, request: Request, uid: UUID) -> Response:
        drive, data = self.find(uid, Action.DRIVES), self.read(grid_api.WeightsIn, partial=True)
        services.set_weights(drive=drive, actor=self.user, **data)
        return Response(grid_api.weights_told(drive))

    @extend_schema(
        summary="Map", description="A measure of the drive’s countries: coverage, reach, position or activity.",
        parameters=[
            OpenApiParameter("measure", str, enum=MEASURE_NAMES, description="coverage without it."),
            OpenApiParameter("year", str, description="For coverage and activity; without it the latest, or all."),
        ],
        responses=grid_api.MapOut,
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def map(self, request: Request, uid: UUID) -> Response:
        self.no_query("measure", "year")
        asked = request.query_params
        told = grid_api.map_told(self.find(uid), self.user, asked.get("measure", "coverage"), asked.get("year", ""))
        return Response(grid_api.MapOut(told).data)

    @extend_schema(
        summary="The report of a drive", description="Computed now, with how each number is counted.", parameters=DAYS,
        responses=ResultsReportOut,
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def report(self, request: Request, uid: UUID) -> Response:
        drive = self.find(uid)
        return _report(self, drive.campaign, drive)

    @extend_schema(summary="The rows behind a number of its report", description="Now, and as far as the token’s user sees them.", parameters=[*BEHIND, *DAYS], responses=BehindOut)  # fmt: skip
    @action(detail=True, methods=["get"])
    def behind(self, request: Request, uid: UUID) -> Response:
        drive = self.find(uid)
        return _behind(self, drive.campaign, drive)


SECTIONS = [
    Section(
        "Campaigns and drives",
        "What mailings belong to: the long effort, and the drives inside it.",
        [("campaigns", CampaignResource), ("drives", DriveResource)],
        order=55,
    )
]
