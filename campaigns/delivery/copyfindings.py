"""What pre-flight says of visible copies: how many go, which are left out, and which letters have none."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.audience import Summary
from campaigns.delivery.copies import Gap
from campaigns.delivery.findings import OK, WARN, Finding, people_url
from campaigns.delivery.models import SkipReason
from campaigns.mailings.models import Mailing
from contacts.directory.models import Country
from crm.ui import formats

SHOWN = 6  # countries by name


def copy_findings(mailing: Mailing, summary: Summary) -> Iterable[Finding]:
    rule = mailing.copies_to
    if rule is None:
        return
    going = summary.copies_going
    title = ngettext("%(n)s visible copy goes out", "%(n)s visible copies go out", going) % {"n": formats.number(going)}
    yield Finding(
        OK if going else WARN,
        "copy",
        title if going else _("No visible copy goes out"),
        _("To %(constituency)s of the same country, each once. They count among those who will get it.")
        % {"constituency": rule.label},
        people_url(mailing, copies="1", reason="") if going else reverse("mailing_settings", args=[mailing.uid]),
        _("See them") if going else _("Change the rule"),
    )
    left_out = {SkipReason(code): n for code, n in summary.copies.items() if code}
    if left_out:
        n = sum(left_out.values())
        yield Finding(
            WARN,
            "copy-off",
            ngettext("%(n)s copy is left out", "%(n)s copies are left out", n) % {"n": formats.number(n)},
            formats.listing(
                [f"{reason.label} ({formats.number(count)})" for reason, count in left_out.items()]
            ).capitalize()
            + ".",
            people_url(mailing, copies="1"),
            _("See them"),
        )
    for gap in Gap:
        if n := summary.copy_gaps.get(gap.value, 0):
            yield Finding(
                WARN,
                "copy-off",
                ngettext("%(n)s letter goes without a copy", "%(n)s letters go without a copy", n)
                % {"n": formats.number(n)},
                f"{str(gap.label).capitalize()}{_countries(summary) if gap == Gap.NOBODY_THERE else ''}.",
                people_url(mailing, uncopied=gap.value),
                _("See them"),
            )


def _countries(summary: Summary) -> str:
    found = sorted(row.label for row in Country.objects.filter(code__in=summary.uncopied_countries))
    if not found:
        return ""
    names = found if len(found) <= SHOWN else [*found[: SHOWN - 1], _("%(n)s more") % {"n": len(found) - SHOWN + 1}]
    return f": {formats.listing(names)}"
