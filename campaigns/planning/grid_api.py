"""What the API tells of a drive's grid, worklist and map: the same as the screens, from the same queries."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from campaigns.planning.grid import Cell, Grid, countries_of, grid_of
from campaigns.planning.models import Drive
from campaigns.planning.services import WEIGHTS
from campaigns.planning.worklist import Step, ranked, weights_of
from campaigns.planning.worldmap import MEASURES, WorldMap, map_of
from campaigns.positions.ladder import CODES, Stance
from campaigns.positions.models import Ask
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.problems import bad_query

STATES = ["nobody", "closed", "open", "part", "reached"]


def _count(about: str = "") -> serializers.IntegerField:
    return serializers.IntegerField(help_text=about)


class CellOut(serializers.Serializer[Any]):
    """One constituency of one country."""

    country = serializers.CharField()
    constituency = serializers.CharField()
    state = serializers.ChoiceField(
        STATES, help_text="nobody: nobody known there, a blind spot; closed: no address works."
    )
    institutions = _count()
    reached = _count("Institutions that a mail of this drive reached.")
    reachable = _count("Institutions with an address that works.")
    people = _count("People there with an address that works.")
    posts = _count()
    filled = _count("Posts that somebody holds.")
    seats = _count("Posts whose holder can be written to.")
    last_two_way_at = serializers.DateTimeField(allow_null=True)
    weeks_since_two_way = serializers.IntegerField(allow_null=True)
    stance = serializers.ChoiceField(list(CODES), allow_null=True, help_text="Of the most powerful institution there.")
    is_mixed = serializers.BooleanField(help_text="Others there stand elsewhere.")
    commitments_green = _count()
    commitments_yellow = _count()
    commitments_red = _count()
    commitments_kept = _count()
    next_due_on = serializers.DateField(allow_null=True)
    invited = _count("Invitations to events of this drive.")
    answered = _count("Of these, with an answer.")
    came = _count("People who were checked in at events of this drive.")
    members = _count("Institutions that are members of a network of the campaign.")
    delegate_seats = _count("Seats of delegates of the country’s delegations to events of this drive.")
    delegates = _count("Of these, taken by somebody who is accepted.")
    whom = serializers.UUIDField(allow_null=True, help_text="The organization to turn to first.")


class CountryCoverageOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    coverage = serializers.FloatField(allow_null=True, help_text="Per cent, as measured.")
    year = serializers.IntegerField(allow_null=True)


class GridOut(serializers.Serializer[Any]):
    drive = serializers.UUIDField()
    ask = serializers.UUIDField(allow_null=True, help_text="The ask whose positions are told.")
    countries = CountryCoverageOut(many=True, help_text="Lowest coverage first.")
    constituencies = serializers.ListField(child=serializers.CharField())
    cells = CellOut(many=True)
    institutions = _count("Of the whole drive; one that works in five countries counts once.")
    reached = _count()
    reachable = _count()


class PartsOut(serializers.Serializer[Any]):
    need = serializers.FloatField()
    window = serializers.FloatField()
    silence = serializers.FloatField()
    counterpart = serializers.FloatField()


class WeightsOut(serializers.Serializer[Any]):
    need = _count()
    window = _count()
    silence = _count()
    counterpart = _count()


class WeightsIn(serializers.Serializer[Any]):
    need = serializers.IntegerField(min_value=0, max_value=5, required=False)
    window = serializers.IntegerField(min_value=0, max_value=5, required=False)
    silence = serializers.IntegerField(min_value=0, max_value=5, required=False)
    counterpart = serializers.IntegerField(min_value=0, max_value=5, required=False)


class WorklistStepOut(serializers.Serializer[Any]):
    country = serializers.CharField()
    constituency = serializers.CharField()
    score = serializers.FloatField()
    parts = PartsOut(help_text="Each reason, from 0 to 1, before its weight.")
    why = serializers.CharField(help_text="The reasons as sentences, in the language of the token’s user.")
    next_step = serializers.CharField()
    organization = serializers.UUIDField(allow_null=True, help_text="Whom to turn to; null: nobody is known.")
    also = _count("Further cells in which the same organization is the one to turn to.")


class WorklistOut(serializers.Serializer[Any]):
    drive = serializers.UUIDField()
    weights = WeightsOut()
    steps = WorklistStepOut(many=True)


class PointOut(serializers.Serializer[Any]):
    country = serializers.CharField()
    value = serializers.FloatField()
    words = serializers.CharField()


class MapOut(serializers.Serializer[Any]):
    drive = serializers.UUIDField()
    measure = serializers.ChoiceField(list(MEASURES))
    year = serializers.IntegerField(allow_null=True)
    years = serializers.ListField(child=serializers.IntegerField(), help_text="That can be asked for.")
    unknown = _count("Countries without a value.")
    points = PointOut(many=True)


def _grid(drive: Drive, user: User, ask: Ask | None) -> Grid:
    mailings = list(drive.mailings.values_list("pk", flat=True))
    return grid_of(drive, countries=countries_of(drive, user), mailings=mailings, ask=ask.pk if ask else None)


def _ask(drive: Drive, wanted: str) -> Ask | None:
    """The one asked for, else the drive's first."""
    asks = list(Ask.objects.filter(drive=drive, archived_at=None).in_order())
    if not wanted:
        return asks[0] if asks else None
    found = next((ask for ask in asks if str(ask.uid) == wanted.lower()), None)
    if found is None:
        raise bad_query("ask", _("This drive has no such ask."))
    return found


def grid_told(drive: Drive, user: User, ask: str) -> dict[str, Any]:
    chosen = _ask(drive, ask)
    grid, now = _grid(drive, user, chosen), timezone.now()
    return {
        "drive": drive.uid,
        "ask": chosen.uid if chosen else None,
        "countries": [
            {"code": row.country.code, "coverage": float(row.figure.value) if row.figure else None, "year": row.figure.year if row.figure else None}
            for row in grid.rows
        ],
        "constituencies": [side.code for side in grid.constituencies],
        "cells": [_cell(cell, now) for row in grid.rows for cell in row.cells],
        "institutions": grid.total.institutions,
        "reached": grid.total.reached,
        "reachable": grid.total.reachable,
    }  # fmt: skip


def _cell(cell: Cell, now: Any) -> dict[str, Any]:
    return {
        "country": cell.country, "constituency": cell.constituency, "state": cell.state, "institutions": cell.institutions,
        "reached": cell.reached, "reachable": cell.reachable, "people": cell.people, "posts": cell.posts, "filled": cell.filled,
        "seats": cell.seats, "last_two_way_at": cell.talked_at, "weeks_since_two_way": cell.weeks(now),
        "stance": Stance(cell.stance).code if cell.stance else None, "is_mixed": cell.lowest != cell.highest,
        "commitments_green": cell.green, "commitments_yellow": cell.yellow, "commitments_red": cell.red,
        "commitments_kept": cell.kept, "next_due_on": cell.due, "invited": cell.invited,
        "answered": cell.answered, "came": cell.came, "members": cell.members,
        "delegate_seats": cell.delegate_seats, "delegates": cell.delegates, "whom": cell.whom,
    }  # fmt: skip


def worklist_told(drive: Drive, user: User, limit: int) -> dict[str, Any]:
    may = {"may_log": user.may(Action.LOG), "may_add": user.may(Action.EDIT_DIRECTORY)}
    steps = ranked(drive, _grid(drive, user, _ask(drive, "")), now=timezone.now(), limit=limit, **may)
    return {"drive": drive.uid, "weights": weights_told(drive), "steps": [_step(step) for step in steps]}


def _step(step: Step) -> dict[str, Any]:
    words = f"{step.why} {step.also_words}" if step.also else step.why
    return {
        "country": step.cell.country, "constituency": step.cell.constituency, "score": step.score, "parts": step.parts,
        "why": words, "next_step": step.title, "organization": step.cell.whom, "also": step.also,
    }  # fmt: skip


def weights_told(drive: Drive) -> dict[str, int]:
    weights = weights_of(drive)
    return {name: getattr(weights, name) for name in WEIGHTS}


def map_told(drive: Drive, user: User, measure: str, year: str) -> dict[str, Any]:
    if measure not in MEASURES:
        raise bad_query("measure", _("“measure” is one of: %(offered)s.") % {"offered": ", ".join(MEASURES)})
    if year and not (year.isascii() and year.isdecimal() and len(year) == 4):
        raise bad_query("year", _("A year has four digits."))
    found: WorldMap = map_of(drive, user, measure=measure, year=int(year) if year else None)
    points = [
        {"country": code, "value": float(point["value"]), "words": point["words"]}
        for point in found.chart.points
        if (code := _code_of(point["url"]))
    ]
    return {
        "drive": drive.uid, "measure": measure, "year": found.year, "years": found.years, "unknown": found.unknown,
        "points": points,
    }  # fmt: skip


def _code_of(url: str) -> str:
    """The map's own keys are numbers; what a point leads to says the country."""
    return url.rpartition("country=")[2]
