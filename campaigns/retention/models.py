"""What is left of a mailing's rows when they are gone."""

from django.db import models


class KeptTotals(models.Model):
    """A mailing's figures, taken before its rows went. The report reads them from then on."""

    mailing_id = models.BigIntegerField(unique=True)
    kept_at = models.DateTimeField(auto_now_add=True)
    hits_removed_at = models.DateTimeField(
        null=True, help_text="single opens and clicks: from then on no more are counted"
    )
    deliveries_removed_at = models.DateTimeField(null=True, help_text="when their removal began")
    is_emptied = models.BooleanField(default=False, help_text="no delivery of it is left")
    figures = models.JSONField(default=dict, help_text="see campaigns/retention/totals.py")

    def __str__(self) -> str:
        return f"totals of {self.mailing_id}"


class DeliveryTail(models.Model):
    """Whom a removed delivery went to, by key only: mail that was sent carries its unsubscribe link for ever."""

    pk = models.CompositePrimaryKey("mailing_id", "seq")
    mailing_id = models.BigIntegerField()
    seq = models.IntegerField()
    person_id = models.BigIntegerField(null=True)
    organization_id = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.seq}"
