"""What one grant reaches: a campaign and a country together. Two grants do not lend each other theirs."""

from __future__ import annotations

from django.db.models import Q

from crm.accounts.rules import Scope


def within_pairs(scope: Scope, *, campaign: str, country: str) -> Q:
    """Rows in the campaign and the country of one and the same grant; a row without a country is of every country.

    campaign, country: paths to them. Whether the row's parent is seen, a drive with countries say, is asked besides.
    """
    if scope.is_everything:
        return Q()
    reach = Q(pk__in=[])
    for pair in scope.pairs:
        rule = Q()
        if pair.campaigns:
            rule &= Q(**{f"{campaign}__uid__in": pair.campaigns})
        if pair.countries:
            rule &= Q(**{f"{country}__in": pair.countries}) | Q(**{f"{country}__isnull": True})
        reach |= rule
    return reach
