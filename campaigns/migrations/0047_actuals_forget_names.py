"""What was measured stays as it was written down; erasure alone takes a person's name out of its words."""

from django.db import migrations

BODY = """
CREATE OR REPLACE FUNCTION campaigns_actual_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('groundswell.erasing', true) = 'on' AND
     (NEW.uid, NEW.period_id, NEW.value, NEW."on", NEW.recorded_at, NEW.form_key)
     IS NOT DISTINCT FROM
     (OLD.uid, OLD.period_id, OLD.value, OLD."on", OLD.recorded_at, OLD.form_key)
  THEN RETURN NEW; END IF;
  IF TG_OP = 'DELETE' OR
     (NEW.uid, NEW.period_id, NEW.value, NEW."on", NEW.evidence, NEW.link, NEW.contribution, NEW.recorded_at, NEW.form_key)
     IS DISTINCT FROM
     (OLD.uid, OLD.period_id, OLD.value, OLD."on", OLD.evidence, OLD.link, OLD.contribution, OLD.recorded_at, OLD.form_key)
  THEN
    RAISE EXCEPTION 'what was measured is not rewritten' USING ERRCODE = '23514', CONSTRAINT = 'actual_stays';
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0046_partners_side")]

    operations = [migrations.RunSQL(BODY, migrations.RunSQL.noop)]
