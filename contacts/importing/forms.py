"""Shapes of what an import is asked: a file, what its columns mean, and which first permission it brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.consent.models import LawfulBasis, Topic
from contacts.consent.queries import open_topics
from contacts.directory.lists import LANGUAGE_NAMES
from contacts.directory.models import Constituency, Country
from contacts.importing.models import ImportRun
from contacts.importing.reading import DELIMITERS, ENCODINGS, Format
from contacts.importing.targets import TARGETS, Column
from crm.accounts.models import User
from crm.accounts.rules import Action


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file or workbook"),
        help_text=_("CSV in any encoding and with any separator, or an Excel or OpenDocument workbook (.xlsx, .ods)."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,.xlsx,.ods"}),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("The file is empty, so there is nothing to import."),
        },
    )


class FormatForm(forms.Form):
    """How the file is read, when the guess was wrong."""

    encoding = forms.ChoiceField(label=_("Encoding"))
    delimiter = forms.ChoiceField(label=_("Separator"))
    sheet = forms.ChoiceField(label=_("Sheet"))
    has_header = forms.BooleanField(label=_("The first row names the columns"), required=False)

    def __init__(self, *args: Any, run: ImportRun, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "encoding": run.encoding,
            "delimiter": run.delimiter,
            "has_header": run.has_header,
            "sheet": run.options.get("sheet"),
        }
        super().__init__(*args, **kwargs)
        self.run = run
        if sheets := run.options.get("sheets") or [name for name in [run.options.get("sheet")] if name]:
            choice(self, "sheet", [(name, name) for name in sheets])
            del self.fields["encoding"], self.fields["delimiter"]
            return
        del self.fields["sheet"]
        choice(self, "encoding", _with(ENCODINGS.items(), run.encoding))
        choice(self, "delimiter", _with(DELIMITERS.items(), run.delimiter))

    def format(self) -> Format:
        data = self.cleaned_data
        return Format(
            data.get("encoding", self.run.encoding),
            data.get("delimiter", self.run.delimiter),
            has_header=data["has_header"],
            separator_line=self.run.format.separator_line,
        )


class MappingForm(forms.Form):
    """One choice per column, and what holds for rows that do not say it themselves."""

    country = forms.ChoiceField(label=_("Country"), required=False)
    constituency = forms.ChoiceField(label=_("Constituency of new organizations"), required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)
    overwrite = forms.ChoiceField(
        label=_("What is in the directory already"),
        choices=[
            ("", _("Keep it; fill only what is empty")),
            ("1", _("Replace it by what the file says (names stay)")),
        ],
        widget=forms.RadioSelect,
        required=False,
    )

    is_shared = forms.BooleanField(
        label=_("Propose this to my colleagues too, for files with the same header"), required=False
    )

    def __init__(self, *args: Any, run: ImportRun, columns: Sequence[Column], user: User, **kwargs: Any) -> None:
        options = run.options
        kwargs["initial"] = {
            **{name: options.get(name) or "" for name in ("country", "constituency", "language")},
            "overwrite": "1" if options.get("overwrite") else "",
        }
        super().__init__(*args, **kwargs)
        self.columns = columns
        codes = user.scope(Action.BULK).countries
        countries = Country.objects.order_by("sort_key")
        if codes is not None:
            countries = countries.filter(code__in=codes)
        rows = Constituency.objects.active().of_institutions().order_by("position", "sort_key")
        choice(self, "country", [("", _("Not given")), *((c.code, c.label) for c in countries)])
        choice(self, "constituency", [("", _("Not given")), *((str(c.pk), c.label) for c in rows)])
        choice(self, "language", [("", _("Not given")), *LANGUAGE_NAMES.items()])
        for column in columns:
            self.fields[f"column{column.index}"] = forms.ChoiceField(
                label=column.label,
                choices=target_choices(),
                required=False,
                initial=run.mapping.get(str(column.index), ""),
            )

    def rows(self) -> list[tuple[Column, forms.BoundField]]:
        return [(column, self[f"column{column.index}"]) for column in self.columns]

    def mapping(self) -> dict[int, str]:
        return {column.index: self.cleaned_data[f"column{column.index}"] for column in self.columns}

    def options(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "country": data["country"],
            "constituency": int(data["constituency"]) if data["constituency"] else None,
            "language": data["language"],
            "overwrite": bool(data["overwrite"]),
        }


class PermissionForm(forms.Form):
    """The first permission: all of it, or nothing."""

    topic = forms.ModelChoiceField(
        Topic.objects.none(),
        label=_("Topic"),
        required=False,
        empty_label=_("Record no permission"),
        to_field_name="uid",
    )
    lawful_basis = forms.ChoiceField(
        label=_("Lawful basis"),
        choices=[("", _("Choose one")), *LawfulBasis.choices],
        error_messages={"required": _("Choose the lawful basis of this permission.")},
    )
    source = forms.CharField(
        label=_("Source"),
        max_length=120,
        help_text=_("Where the permission was given. People see it on their own page."),
        error_messages={"required": _("Say where this permission was given.")},
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What shows it: a sign-up sheet and its date, a letter, a link."),
        error_messages={"required": _("Say what shows this permission.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["topic"]
        field.queryset = open_topics()
        field.label_from_instance = lambda topic: topic.label
        if self.is_bound and not self.data.get("topic"):
            for name in ("lawful_basis", "source", "evidence"):
                self.fields[name].required = False

    def permission(self) -> dict[str, Any] | None:
        return self.cleaned_data if self.cleaned_data.get("topic") else None


def target_choices() -> list[Any]:
    groups: dict[str, list[tuple[str, Any]]] = {}
    for target in TARGETS:
        groups.setdefault(str(target.group), []).append((target.name, target.label))
    return [("", _("Leave out")), *groups.items()]


def choice(form: forms.Form, name: str, choices: Iterable[Any]) -> None:
    field: Any = form.fields[name]
    field.choices = list(choices)


def _with(known: Iterable[tuple[str, Any]], value: str) -> list[tuple[str, Any]]:
    found = list(known)
    return found if value in dict(found) or not value else [*found, (value, value.upper())]
