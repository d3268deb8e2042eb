"""/deliveries, /feedback and /engagement as feeds: come back with the cursor, and nothing is skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delivery.models import Delivery, Feedback, Outcome, SkipReason
from campaigns.engagement.models import HitClass, HitKind
from campaigns.feeds.queries import (
    FeedPage,
    Names,
    deliveries_after,
    deliveries_of,
    feedback_rows,
    hits_after,
    link_urls,
)
from campaigns.mailings.models import Mailing
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters, paging
from crm.api.problems import bad_query
from crm.api.registry import Section
from crm.api.views import ApiView


class DeliveryOut(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="mailing:seq; the same each time it comes.")
    mailing = serializers.UUIDField()
    seq = serializers.IntegerField()
    state = serializers.ChoiceField(Outcome.choices)
    skip_reason = serializers.ChoiceField(SkipReason.choices, allow_blank=True)
    skip_also = serializers.ListField(child=serializers.CharField())
    person = serializers.UUIDField(allow_null=True)
    post = serializers.UUIDField(allow_null=True)
    organization = serializers.UUIDField(allow_null=True)
    address = serializers.CharField(allow_blank=True, help_text="As it stood; blank after an erasure.")
    language = serializers.CharField(allow_blank=True)
    country = serializers.CharField(allow_blank=True)
    constituency = serializers.CharField(allow_blank=True)
    is_tracked = serializers.BooleanField(help_text="One by one; off for members of workers' organizations.")
    copy_of = serializers.IntegerField(
        allow_null=True, help_text="Of a visible copy: `seq` of the letter that it shows."
    )
    attempts = serializers.IntegerField()
    first_attempt_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    reply_code = serializers.IntegerField(allow_null=True)
    reply_text = serializers.CharField(allow_blank=True)


class FeedbackOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(Feedback.Kind.choices)
    delivery = serializers.CharField()
    mailing = serializers.UUIDField()
    person = serializers.UUIDField(allow_null=True)
    status = serializers.CharField(allow_blank=True, help_text="RFC 3463.")
    reason = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class HitOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The same each time it comes.")
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(HitKind.choices)
    hit_class = serializers.ChoiceField(HitClass.choices, help_text="Count humans.")
    reason = serializers.CharField(allow_blank=True)
    mailing = serializers.UUIDField()
    delivery = serializers.CharField(allow_null=True, help_text="null for people who are not tracked one by one.")
    person = serializers.UUIDField(allow_null=True)
    link = serializers.IntegerField(allow_null=True)
    url = serializers.CharField(allow_null=True)


class FeedResource(ApiView):
    """A list whose cursor is a place in the order of commits."""

    is_counted = False
    paged = frozenset({"list"})
    page_size, most = 200, 1000
    filters: Sequence[filters.Filter] = ()
    order = ""

    def asked(self) -> tuple[paging.Asked, Any]:
        self.no_query("limit", "after", *(item.name for item in self.filters))
        asked = paging.Asked.of(self.request, default=self.page_size, most=self.most)
        return asked, paging.unseal(asked, self.order)

    def narrowed(self, asked: paging.Asked) -> Q:
        """What the filters mean: their `apply` puts conditions together instead of rows."""
        rule: Any = Q(mailing_id__in=self._mailings())
        narrowed: Q = filters.narrow(rule, self.filters, asked.filters, self.user)
        return narrowed

    def _mailings(self) -> Any:
        return Mailing.objects.visible_to(self.user).values("pk")

    def answer(self, asked: paging.Asked, page: FeedPage, data: list[dict[str, Any]]) -> Response:
        cursor = paging.seal(asked, self.order, page.last) if page.last is not None else None
        response = paging.answer(self.request, paging.Slice(data, cursor if page.has_more else None), data)
        response.data["next_cursor"] = cursor  # also on the last page: what to come back with
        return response

    def with_whose(self, rows: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Rows about deliveries of the user's countries, each with the mailing, the delivery and the person that it is about."""
        known = deliveries_of((row.mailing_id, row.seq) for row in rows)
        names = Names((row.mailing_id for row in rows), known.values())
        codes = self.user.scope(Action.SEE).countries
        for row in rows:
            delivery = known.get((row.mailing_id, row.seq))
            if codes is not None and (delivery is None or delivery.country_code not in codes):
                continue
            mailing = names.mailings.get(row.mailing_id)
            yield (
                row,
                {
                    "mailing": mailing,
                    "delivery": f"{mailing}:{row.seq}" if row.seq is not None else None,
                    "person": names.people.get(delivery.person_id or 0) if delivery else None,
                },
            )


def _mailing(rule: Any, uid: UUID, user: User) -> Any:
    found = Mailing.objects.visible_to(user).filter(uid=uid).values_list("pk", flat=True).first()
    if found is None:
        raise bad_query("mailing", _("There is no such mailing."))
    return rule & Q(mailing_id=found)


class DeliveryResource(FeedResource):
    """One message to one contact point."""

    order = "deliveries"
    filters = [
        filters.uid("mailing", "Of this mailing.", _mailing),
        filters.choice("state", "In one of these states now.", Outcome.values, lambda rule, values, user: rule & Q(state__in=values)),
    ]  # fmt: skip

    @extend_schema(
        summary="Deliveries",
        description="A feed. Each delivery comes when the audience is frozen, and again when it, or one sent about the same time, "
        "changed: keep the last one by `id`. Keep `next_cursor` and come back with it. A page may be short; `next` is null when "
        "you have everything there is.",
        responses=DeliveryOut(many=True),
    )
    def list(self, request: Request) -> Response:
        asked, place = self.asked()
        rule, codes = self.narrowed(asked), self.user.scope(Action.SEE).countries
        if codes is not None:
            rule &= Q(country_code__in=codes)
        page = deliveries_after(tuple(place) if place else None, limit=asked.limit, narrow=rule)
        names = Names((row.mailing_id for row in page.rows), page.rows)
        return self.answer(asked, page, [DeliveryOut(_delivery(row, names)).data for row in page.rows])


def _delivery(row: Delivery, names: Names) -> dict[str, Any]:
    fields = [
        "seq",
        "state",
        "skip_reason",
        "skip_also",
        "address",
        "language",
        "is_tracked",
        "copy_of",
        "attempts",
        "first_attempt_at",
        "settled_at",
        "reply_code",
        "reply_text",
    ]
    return {
        **{name: getattr(row, name) for name in fields},
        "id": f"{names.mailings.get(row.mailing_id)}:{row.seq}",
        "mailing": names.mailings.get(row.mailing_id),
        "person": names.people.get(row.person_id or 0),
        "post": names.posts.get(row.post_id or 0),
        "organization": names.organizations.get(row.organization_id or 0),
        "country": row.country_code,
        "constituency": row.constituency_code,
    }


class FeedbackResource(FeedResource):
    """What came back after a message was accepted."""

    order = "feedback"
    filters = [
        filters.uid("mailing", "Of this mailing.", _mailing),
        filters.choice("kind", "Bounces or complaints.", Feedback.Kind.values, lambda rule, values, user: rule & Q(kind__in=values)),
    ]  # fmt: skip

    @extend_schema(summary="Bounces and complaints", description="A feed, in the order of commits.", responses=FeedbackOut(many=True))  # fmt: skip
    def list(self, request: Request) -> Response:
        asked, place = self.asked()
        rows = feedback_rows(self.narrowed(asked)).order_by("position")
        found = list(rows.filter(position__gt=place[0] if place else 0)[: asked.limit + 1])
        taken = found[: asked.limit]
        last = [taken[-1].position] if taken else place
        data = [
            {**whose, "id": row.pk, "kind": row.kind, "status": row.status, "reason": row.reason, "at": row.at}
            for row, whose in self.with_whose(taken)
        ]
        page = FeedPage(taken, last, len(found) > len(taken))
        return self.answer(asked, page, [FeedbackOut(item).data for item in data])


class EngagementResource(FeedResource):
    """An open or a click, and whose it was: a person's, a machine's, or nobody knows."""

    order = "engagement"
    filters = [
        filters.uid("mailing", "Of this mailing.", _mailing),
        filters.choice("kind", "Opens or clicks.", HitKind.values, lambda rule, values, user: rule & Q(kind__in=values)),
        filters.choice("hit_class", "Whose.", HitClass.values, lambda rule, values, user: rule & Q(hit_class__in=values)),
    ]  # fmt: skip

    @extend_schema(
        summary="Opens and clicks",
        description="A feed, in the order in which hits were taken in. One that turned out to be a machine's comes again with its "
        "new class: keep the last one by `id`. People who are not tracked one by one have no `delivery` and no `person`.",
        responses=HitOut(many=True),
    )
    def list(self, request: Request) -> Response:
        asked, place = self.asked()
        page = hits_after((place[0], place[1]) if place else None, limit=asked.limit, narrow=self.narrowed(asked))
        urls = link_urls((row.mailing_id, row.link_number) for row in page.rows)
        data = [
            {
                **whose, "id": row.hit_id, "at": row.at, "kind": row.kind, "hit_class": row.hit_class, "reason": row.reason,
                "link": row.link_number, "url": urls.get((row.mailing_id, row.link_number)),
            }
            for row, whose in self.with_whose(page.rows)
        ]  # fmt: skip
        return self.answer(asked, page, [HitOut(item).data for item in data])


SECTIONS = [
    Section(
        "Feeds of mail",
        "What became of each message, what came back, who opened and clicked. Same rule as every feed: keep `next_cursor`, come "
        "back with it, keep the last row of each `id`.",
        [("deliveries", DeliveryResource), ("feedback", FeedbackResource), ("engagement", EngagementResource)],
        order=85,
    )
]
