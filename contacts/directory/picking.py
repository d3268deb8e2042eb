"""A form field to choose one of very many rows: words are typed, matches appear as choices, one is ticked.

Without JavaScript the form is sent with the words alone and comes back with the matches to choose from. An exact name that
only one row has needs no tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.ui.searchtext import latin

SHOWN = 8


@dataclass(frozen=True)
class Pick:
    """What was sent: the ticked row's uid and the words."""

    uid: str = ""
    words: str = ""


@dataclass(frozen=True)
class PickOption:
    value: str
    label: str
    note: str


class PickWidget(forms.Widget):
    template_name = "contacts/directory/widgets/pick.html"
    input_type = "text"

    def __init__(self, options_url: Callable[[], str], placeholder: str) -> None:
        super().__init__({"placeholder": placeholder})
        self.options_url = options_url
        self.options: list[PickOption] = []

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Pick:
        return Pick(data.get(name, ""), data.get(f"{name}_q", "").replace("\x00", "").strip()[:200])

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and f"{name}_q" not in data

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        pick = value if isinstance(value, Pick) else Pick(str(value or ""))
        context["pick"] = {
            "uid": pick.uid,
            "words": pick.words,
            "options": self.options,
            "url": f"{self.options_url()}?name={name}",
            "target": f"{name}-options",
        }
        return context


class PickField(forms.Field):
    """rows: what may be chosen (set by the form, which knows the user); describe: a row's note beside its name."""

    widget: PickWidget

    def __init__(self, *, options_url: Callable[[], str], placeholder: str, nobody: str, **kwargs: Any) -> None:
        super().__init__(widget=PickWidget(options_url, placeholder), **kwargs)
        self.rows: QuerySet[Any] | None = None
        self.describe: Callable[[Any], str] = lambda row: ""
        self.nobody = nobody

    def clean(self, value: Any) -> Any:
        if self.rows is None or not isinstance(value, Pick):
            raise ValueError("PickField.rows is set by the form")
        if value.uid:
            return self._chosen(value.uid)
        if value.words:
            return self._named(value.words)
        if self.required:
            raise forms.ValidationError(_("Choose one."), code="required")
        return None

    def offer(self, row: Any) -> None:
        """Show this row as a choice that can be ticked (the form ticks it by its initial value)."""
        self.widget.options = [option_of(row, self.describe)]

    def _chosen(self, uid: str) -> Any:
        try:
            row = self.rows.filter(uid=UUID(uid)).first()  # type: ignore[union-attr]
        except ValueError:
            row = None
        if row is None:
            raise forms.ValidationError(_("This choice is not there any more, or not for you. Choose again."))
        self.offer(row)
        return row

    def _named(self, words: str) -> Any:
        found = list(self.rows.search(words)[: SHOWN + 1])  # type: ignore[union-attr]
        exact = [row for row in found if latin(row.name) == latin(words)]
        if len(exact) == 1:
            return exact[0]
        if not found:
            raise forms.ValidationError(self.nobody % {"words": words})
        self.widget.options = [option_of(row, self.describe) for row in found[:SHOWN]]
        raise forms.ValidationError(_("Several fit. Tick the one that you mean."))


def option_of(row: Any, describe: Callable[[Any], str]) -> PickOption:
    return PickOption(str(row.uid), row.label, describe(row))
