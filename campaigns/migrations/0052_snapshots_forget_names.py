"""A frozen report stays as it is; erasure alone takes a person's name out of its words, and the report says so."""

from django.db import migrations, models

BODY = """
CREATE OR REPLACE FUNCTION campaigns_snapshot_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  words text[] := ARRAY['title', 'content', 'fingerprint', 'published_fingerprint', 'names_taken_at'];
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'campaigns_snapshot' THEN
    IF to_jsonb(NEW) - 'taken_by_id' = to_jsonb(OLD) - 'taken_by_id' AND NEW.taken_by_id IS NULL THEN
      RETURN NEW;
    END IF;
    IF current_setting('groundswell.erasing', true) = 'on' AND to_jsonb(NEW) - words = to_jsonb(OLD) - words THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'a frozen report never changes' USING ERRCODE = '23514', CONSTRAINT = 'snapshot_stays';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0051_member_shows")]

    operations = [
        migrations.AddField(model_name="snapshot", name="names_taken_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="snapshot",
            name="published_fingerprint",
            field=models.CharField(
                blank=True,
                default="",
                help_text="the first one, where an erasure took names out of the words since",
                max_length=64,
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("names_taken_at__isnull", True), ("published_fingerprint", "")),
                    models.Q(models.Q(("published_fingerprint", ""), _negated=True), ("names_taken_at__isnull", False)),
                    _connector="OR",
                ),
                name="snapshot_says_when_names_were_taken",
            ),
        ),
        migrations.RunSQL(BODY, migrations.RunSQL.noop),
    ]
