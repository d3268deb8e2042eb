"""The tree as a sentence in plain words, with what matters in bold: what a planner reads aloud to check it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from html import unescape
from typing import Any

from django.utils import formats
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.segments.registry import PEOPLE, Catalogue, catalogue
from contacts.segments.tree import Group, Known, Rule, parse
from contacts.segments.values import shown_number
from crm.errors import Invalid

MOST_NAMES = 8


def sentence(
    tree: Any, selects: str = PEOPLE, *, fields: Catalogue | None = None, known: Known | None = None
) -> SafeString:
    """HTML: `People in <b>workers’ organizations</b>, in countries where <b>coverage is below 20 %</b>.`

    A tree that cannot be read is said to be so; this never raises.
    """
    try:
        root = parse(tree, selects=selects, fields=fields, known=known)
    except Invalid as error:
        if isinstance(tree, dict) and tree.get("rules") == []:
            return mark_safe(_("Nobody yet: add a first rule."))  # noqa: S308 our own text
        return SafeString(conditional_escape(_("These rules cannot be read: %(problem)s") % {"problem": error.message}))
    return sentence_of(root, selects)


def sentences(pairs: Iterable[tuple[Any, str]]) -> list[SafeString]:
    """The sentences of many (tree, selects) with one query for each kind of thing that they choose."""
    pairs, fields = list(pairs), catalogue()
    known = {selects: Known(selects) for _tree, selects in pairs}
    for selects, lookup in known.items():
        lookup.prefetch([tree for tree, other in pairs if other == selects], fields)
    return [sentence(tree, selects, fields=fields, known=known[selects]) for tree, selects in pairs]


def sentence_of(root: Group, selects: str = PEOPLE) -> SafeString:
    opening = _("People") if selects == PEOPLE else _("Organizations")
    rest = _and(_parts(root, selects)) if root.op == "all" else _group(root, selects)
    return mark_safe(f"{opening} {rest}.")  # noqa: S308 every part is escaped below


def plain_sentence(tree: Any, selects: str = PEOPLE) -> str:
    """The same without markup, for lists, mails and logs."""
    return without_markup(sentence(tree, selects))


def without_markup(words: str) -> str:
    """A sentence or a clause of it as plain text."""
    return unescape(words.replace("<b>", "").replace("</b>", ""))


def _parts(group: Group, selects: str) -> list[str]:
    """The clauses of a group; what is taken away comes last, as one says it."""
    taken = [node for node in group.rules if _takes_away(node)]
    kept = [node for node in group.rules if not _takes_away(node)]
    return [_clause(node, selects) for node in [*kept, *taken]]


def _takes_away(node: Group | Rule) -> bool:
    if isinstance(node, Group):
        return node.op == "none"
    return node.operator.code == "none_of" and node.field.code in ("in_segment", "on_list")


def _clause(node: Group | Rule, selects: str) -> str:
    return _group(node, selects) if isinstance(node, Group) else clause(node, selects)


def _and(parts: list[str]) -> str:
    return ", ".join(parts)


def _group(group: Group, selects: str) -> str:
    parts = [
        f"({_both(node, selects)})" if isinstance(node, Group) and len(node.rules) > 1 else _clause(node, selects)
        for node in group.rules
    ]
    if group.op == "all":
        return _both(group, selects)
    if group.op == "any":
        return parts[0] if len(parts) == 1 else _("either %(list)s") % {"list": _("; or ").join(parts)}
    return _("except those %(list)s") % {"list": _("; or ").join(parts)}


def _both(group: Group, selects: str) -> str:
    return _and(_parts(group, selects)) if group.op == "all" else _group(group, selects)


def bold(text: Any) -> SafeString:
    return format_html_join("", "<b>{}</b>", [(text,)])


def clause(rule: Rule, selects: str = PEOPLE) -> str:
    """One rule as words, e.g. `in countries where <b>coverage is below 20 %</b>`."""
    own = rule.field.says_of_organizations if selects != PEOPLE else {}
    template = str(own.get(rule.operator.code) or rule.field.says[rule.operator.code])
    words = _words(rule)
    # `**` marks bold in the template; values come in afterwards, escaped, so that none of theirs is taken for a mark
    pieces = template.split("**")
    html = [f"<b>{_fill(piece, words)}</b>" if index % 2 else _fill(piece, words) for index, piece in enumerate(pieces)]
    return "".join(html)


def _fill(piece: str, words: dict[str, SafeString]) -> str:
    return str(conditional_escape(piece)).format(**words)


def _words(rule: Rule) -> dict[str, SafeString]:
    show: Callable[[Any], SafeString] = conditional_escape
    words = {"subject": show(str(rule.field.subject or rule.field.label))}
    unit, value = rule.field.unit, rule.value
    if rule.operator.takes == "choices":
        labels = [choice.said or choice.label for choice in rule.chosen]
        words["values"] = _list(labels, _("or"))
        words["all_values"] = _list(labels, _("and"))
    elif rule.operator.takes == "number":
        words["value"] = show(shown_number(value, unit))
    elif rule.operator.takes == "range":
        words["low"], words["high"] = show(shown_number(value[0])), show(shown_number(value[1], unit))
    elif rule.operator.takes == "date":
        words["value"] = show(_day(value))
    elif rule.operator.takes == "period":
        words["low"], words["high"] = show(_day(value[0])), show(_day(value[1]))
    elif rule.operator.takes == "count":
        words["times"], words["days"] = show(times(value[0])), show(shown_number(value[1]))
    elif rule.operator.takes == "year":
        words["year"] = show(value)
    elif rule.operator.takes == "year_number":
        words["year"], words["value"] = show(value[0]), show(shown_number(value[1], unit))
    elif rule.operator.takes == "change":
        by = ngettext("%(n)s point", "%(n)s points", int(value[2]) if value[2] == 1 else 2) % {
            "n": shown_number(value[2])
        }
        words["low"], words["high"] = show(value[0]), show(value[1])
        words["value"] = show(by if unit == "%" else shown_number(value[2], unit))
    elif rule.operator.takes == "days":
        words["value"] = show(shown_number(value))
    else:
        words["value"] = show(value if value is not None else "")
    return words


def _day(text: str) -> str:
    return str(formats.date_format(date.fromisoformat(text), "DATE_FORMAT"))


def times(n: int) -> str:
    """How one says it: once, twice, 3 times."""
    if n <= 2:
        return str(_("once") if n == 1 else _("twice"))
    return str(ngettext("%(n)s time", "%(n)s times", n) % {"n": shown_number(n)})


def _list(labels: list[str], between: str) -> SafeString:
    """`<b>A</b>, <b>B</b> or <b>C</b>`; a long list is cut and says so."""
    shown = [bold(label) for label in labels[:MOST_NAMES]]
    more = len(labels) - len(shown)
    if more:
        shown.append(bold(ngettext("%(count)s more", "%(count)s more", more) % {"count": more}))
    if len(shown) == 1:
        return shown[0]
    return mark_safe(f"{', '.join(shown[:-1])} {conditional_escape(between)} {shown[-1]}")  # noqa: S308 parts are escaped
