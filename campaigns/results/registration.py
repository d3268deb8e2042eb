"""What results and reports add: a tab of drives, undo, history."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.planning import tabs
from campaigns.results import erasing
from campaigns.results.models import Actual, Indicator, Kind, Measure, Result, Snapshot
from campaigns.results.services import restore_actual, restore_indicator, restore_result
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import final, undoable

undoable("result", restore_result)
undoable("indicator", restore_indicator)
undoable("actual", restore_actual)
final("snapshot.frozen", _("A frozen report never changes, so that a number once published can be explained."))

for name, label, icon, rows, page in (
    ("result", _("Result"), "trophy", Result.objects.visible_to, None),
    ("indicator", _("Indicator"), "ruler-measure", Indicator.objects.visible_to, None),
    ("actual", _("What was reached"), "chart-dots", Actual.objects.visible_to, "actual_detail"),
    ("snapshot", _("Frozen report"), "snowflake", Snapshot.objects.visible_to, "snapshot_detail"),
):
    words = "period__indicator__title" if name == "actual" else "title"
    subjects.register(subjects.Kind(name, label, icon, rows, page or "", words=words, can_search=False))

readable.choices_of("result.kind", Kind.choices)
readable.choices_of("indicator.measure", Measure.choices)
readable.DONE.update(
    {
        "frozen": _("Froze the report"),
        "measured": _("Wrote down what was reached"),
        "taken_back": _("Withdrew what was written down"),
    }
)
readable.FIELDS.update(
    {
        "pillar": _("Pillar"),
        "periods": _("Periods and targets"),
        "baseline_on": _("Baseline of"),
        "contribution": _("Contribution"),
        "fingerprint": _("Fingerprint"),
        "withdrawn_why": _("Why it was withdrawn"),
    }
)
erasing.register()
serve("campaigns.results.api")
tabs.register(tabs.DriveTab(_("Report"), "report-analytics", "drive_report", order=90))
