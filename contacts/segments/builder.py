"""What the builder's templates show: the draft's nodes with their menus, chips and mistakes, and the results beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.consent.models import Topic
from contacts.directory.models import Constituency, IndicatorValue
from contacts.segments import choices, counting, draft, nesting, tree
from contacts.segments.compiler import compiler_for
from contacts.segments.models import Segment
from contacts.segments.registry import Catalogue, Choice, Field, Operator, offered
from contacts.segments.sentence import sentence, sentence_of
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import DomainError, Invalid

OPS = [
    ("all", gettext_lazy("All of these")),
    ("any", gettext_lazy("Any of these")),
    ("none", gettext_lazy("None of these")),
]
COVERAGE = "SI_COV_BENFTS"
MENU_LIMIT = 30


def element_id(path: str) -> str:
    """A node's path as part of an element's id."""
    return path.replace(".", "-") or draft.ROOT


@dataclass
class RuleView:
    """One rule of the draft."""

    path: str
    field_code: str
    about: Field | None
    operator: Operator | None
    value: Any
    chips: list[Choice] = field(default_factory=list)
    options: list[Choice] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_open: bool = False
    q: str = ""
    is_first: bool = False
    is_last: bool = False
    has_focus: bool = False
    may_wrap: bool = True
    is_group = False

    @property
    def id(self) -> str:
        return element_id(self.path)

    @property
    def takes(self) -> str:
        return self.operator.takes if self.operator else ""

    @property
    def is_long(self) -> bool:
        """The choices are searched, not listed."""
        return bool(self.about and self.about.choices and not self.about.choices.is_short)

    @property
    def wants_menu_focus(self) -> bool:
        """After a move by keyboard the same menu is at hand again."""
        return bool(self.has_focus and self.about and not self.is_open and (self.takes == "nothing" or self.value))

    @property
    def shown(self) -> str:
        return "" if self.value is None else str(self.value)

    @property
    def pair(self) -> list[str]:
        return self.parts[:2]

    @property
    def parts(self) -> list[str]:
        """The values of a rule that takes several, as typed."""
        value = self.value if isinstance(self.value, list) else []
        return ["" if item is None else str(item) for item in (value + [None, None, None])[:3]]

    @cached_property
    def years(self) -> list[str]:
        """What may be chosen, and what is chosen although there are no figures for it (any more)."""
        known = [str(year) for year in self.about.years()] if self.about and self.about.years else []
        chosen = {"year": [self.shown], "year_number": self.parts[:1], "change": self.parts[:2]}.get(self.takes, [])
        return sorted({*known, *(year for year in chosen if year)}, reverse=True)


@dataclass
class GroupView:
    """A group of the draft; the root's path is "r" in names."""

    path: str
    op: str
    nodes: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_root: bool = False
    is_first: bool = False
    is_last: bool = False
    may_nest: bool = True
    is_group = True

    @property
    def id(self) -> str:
        return element_id(self.path)


class Builder:
    """One draft for one user: what the rules, the sentence and the results show. Lookups are made once for the whole tree."""

    def __init__(
        self,
        *,
        user: User,
        selects: str,
        rules: dict[str, Any],
        fields: Catalogue,
        focus: str = "",
        open_menu: str = "",
        queries: dict[str, str] | None = None,
        show_unfinished: bool = False,
    ) -> None:
        self.user, self.selects, self.rules, self.fields = user, selects, rules, fields
        self.focus, self.open_menu, self.queries = focus, open_menu, queries or {}
        self.show_unfinished = show_unfinished
        self.countries = user.scope(Action.SEE).countries

    # --- the rules
    @cached_property
    def finished(self) -> tuple[dict[str, Any], dict[str, str], int]:
        return draft.finished(self.rules, self.fields)

    @property
    def unfinished_count(self) -> int:
        return self.finished[2]

    @cached_property
    def parsed(self) -> tuple[tree.Group | None, list[tuple[str, str]]]:
        """The finished part as nodes, or its mistakes at the places of the whole draft."""
        part, places, _left_out = self.finished
        if not part["rules"]:
            return None, []
        try:
            return nesting.check_tree(part, selects=self.selects), []
        except Invalid as error:
            return None, [(places.get(path, ""), sentence) for path, sentence in error.data.get("errors", [])]

    @cached_property
    def errors(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        mistakes = list(self.parsed[1])
        if self.show_unfinished:
            try:
                tree.parse(self.rules, selects=self.selects, fields=self.fields)
            except Invalid as error:
                told = {path for path, _sentence in mistakes}
                mistakes += [pair for pair in error.data.get("errors", []) if pair[0] not in told]
        for path, sentence_text in mistakes:
            found.setdefault(path, []).append(sentence_text)
        return found

    @cached_property
    def _chosen(self) -> dict[tuple[int, str], Choice]:
        """Every chosen value of the draft, one query for each kind of thing."""
        wanted: dict[int, tuple[Any, set[str]]] = {}
        for _path, node in draft.walk(self.rules):
            about = self.fields.get(node.get("field", ""))
            value = node.get("value")
            if about is not None and about.choices is not None and isinstance(value, list):
                texts = {item for item in value if isinstance(item, str)}
                wanted.setdefault(id(about.choices), (about.choices, set()))[1].update(texts)
        return {
            (key, value): choice
            for key, (source, values) in wanted.items()
            for value, choice in source.get(values, self.selects).items()
        }

    @cached_property
    def menu(self) -> list[Any]:
        return offered(self.fields, self.selects)

    @cached_property
    def _short(self) -> dict[int, list[Choice]]:
        return {}

    def options_of(self, about: Field, q: str = "") -> list[Choice]:
        if about.choices is None:
            return []
        if not about.choices.is_short:
            return about.choices.find(q, user=self.user, selects=self.selects, limit=MENU_LIMIT)
        key = id(about.choices)
        if key not in self._short:
            self._short[key] = about.choices.find("", user=self.user, selects=self.selects)
        return self._short[key]

    @cached_property
    def root(self) -> GroupView:
        view = GroupView(draft.ROOT, self.rules.get("op", "all"), is_root=True, errors=self.errors.get("", []))
        view.nodes = self._nodes(self.rules["rules"], "", 1)
        return view

    def _nodes(self, items: list[dict[str, Any]], path: str, depth: int) -> list[Any]:
        found: list[Any] = []
        for index, item in enumerate(items):
            place = f"{path}.{index}" if path else str(index)
            ends: dict[str, Any] = {"is_first": index == 0, "is_last": index == len(items) - 1}
            errors = self.errors.get(place, [])
            if "rules" in item:
                group = GroupView(place, item["op"], errors=errors, may_nest=depth + 1 < tree.MAX_DEPTH, **ends)
                group.nodes = self._nodes(item["rules"], place, depth + 1)
                found.append(group)
            else:
                found.append(self._rule(item, place, errors, depth, ends))
        return found

    def _rule(self, item: dict[str, Any], path: str, errors: list[str], depth: int, ends: dict[str, Any]) -> RuleView:
        about = self.fields.get(item.get("field", ""))
        view = RuleView(path, item.get("field", ""), about, None, item.get("value"), errors=errors, **ends)
        view.has_focus, view.may_wrap = path == self.focus, depth < tree.MAX_DEPTH
        if about is None:
            return view
        view.operator = about.operator(item.get("operator", "")) or about.operators[0]
        if view.takes != "choices":
            return view
        values = [value for value in view.value or [] if isinstance(value, str)]
        missing = _("(gone)")
        view.chips = [
            self._chosen.get((id(about.choices), value)) or Choice(value, f"{value[:20]} {missing}", None)
            for value in values
        ]
        view.is_open, view.q = path == self.open_menu, self.queries.get(path, "")
        if not view.is_long or view.is_open or view.q:
            view.options = [option for option in self.options_of(about, view.q) if option.value not in values]
        return view

    # --- words
    @property
    def sentence(self) -> SafeString:
        root = self.parsed[0]
        if root is not None:
            return sentence_of(root, self.selects)
        if self.parsed[1]:
            return SafeString(_("One of the rules cannot be used yet; it says below what is wrong."))
        return sentence(self.finished[0], self.selects, fields=self.fields)

    @property
    def as_text(self) -> str:
        return json.dumps(self.rules, ensure_ascii=False, indent=2)


@dataclass
class Results:
    """Everything beside the rules. `problem` stands instead of numbers when they could not be counted."""

    made: counting.Makeup | None = None
    steps: counting.Steps | None = None
    left: dict[str, int] = field(default_factory=dict)
    rows: list[Any] = field(default_factory=list)
    problem: str = ""
    topics: list[Topic] = field(default_factory=list)
    topic: Topic | None = None
    missing: list[Choice] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    scope_names: str = ""
    page_url: str = ""

    @property
    def unknown_note(self) -> str:
        return "" if self.steps is None else "; ".join(str(why) for _path, why, _n in self.steps.reasons)


def results(builder: Builder, *, topic_code: str = "", saved: Segment | None = None) -> Results:
    """Count the draft. About ten queries, none of them per person."""
    root, errors = builder.parsed
    found = Results(scope_names=scope_names(builder))
    if root is None:
        return found
    found.topics = list(choices.TOPICS.rows(builder.selects).filter(archived_at__isnull=True))
    found.topic = next((topic for topic in found.topics if topic.code == topic_code), None)
    how: dict[str, Any] = {
        "selects": builder.selects,
        "scope_countries": builder.countries,
        "fields": builder.fields,
    }
    try:
        found.made = counting.makeup(root, topic_id=found.topic.pk if found.topic else None, **how)
        found.steps = counting.steps(root, **how)
        compiler = compiler_for(builder.selects, builder.fields)
        condition = compiler.select(root)
        compiled = compiler.query(compiler.id, [*compiler.scope(builder.countries), condition])
        found.rows = counting.examples(compiled)
    except DomainError as error:
        found.problem = error.message
        return found
    places = builder.finished[1]
    found.left = {element_id(places[path]): number for path, number in found.steps.left.items() if path in places}
    is_saved = saved is not None and builder.rules == saved.tree
    found.page_url = reverse("segment_members", args=[saved.uid]) if saved is not None and is_saved else ""
    found.parts = _parts(found)
    add_coverage(found.rows)
    if found.made.missing:
        rows = Constituency.objects.filter(code__in=found.made.missing).order_by("position")
        found.missing = [Choice(row.code, row.label, row.code, said=choices.many(row)) for row in rows]
    return found


def _parts(found: Results) -> list[dict[str, Any]]:
    made = found.made
    if made is None:
        return []
    topic = f"&topic={found.topic.code}" if found.topic else ""

    def url(reach: str) -> str:
        return f"{found.page_url}?reach={reach}{topic}" if found.page_url else ""

    return [
        {"count": made.mailable, "label": _("can be mailed"), "kind": "ok", "url": url("mailable")},
        {"count": made.no_permission, "label": _("no permission"), "kind": "warn", "url": url("no_permission")},
        {"count": made.no_address, "label": _("no working address"), "kind": "bad", "url": url("no_address")},
    ]


def add_coverage(rows: list[Any]) -> None:
    """The country's latest coverage on each row, in one query."""
    codes = {row.country_id for row in rows if row.country_id}
    values = IndicatorValue.objects.filter(indicator__code=COVERAGE, country_id__in=codes).order_by("year")
    latest = {code: value for code, value in values.values_list("country_id", "value")}
    for row in rows:
        row.coverage = latest.get(row.country_id)


def scope_names(builder: Builder) -> str:
    """The countries that the user is limited to, in words; empty for everywhere."""
    if builder.countries is None:
        return ""
    from contacts.directory.models import Country

    names = [row.label for row in Country.objects.filter(code__in=builder.countries).order_by("sort_key")]
    return ", ".join(names[:6]) + ("…" if len(names) > 6 else "") or _("no country")


def write_url(segment: Segment, user: User) -> str:
    """Where a mailing to this segment is begun; empty when the user may not, or mailings are not there."""
    if not user.may(Action.WRITE):
        return ""
    try:
        return f"{reverse('mailing_create')}?segment={segment.uid}"
    except NoReverseMatch:
        return ""


__all__ = ["OPS", "Builder", "Results", "results", "write_url"]
