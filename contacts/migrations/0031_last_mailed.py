"""When people were last mailed, in an order: kept by triggers, filled by the next migration. People of some countries without their rows."""

from django.db import migrations, models
from django.db.models import F

# The person's row is held by whoever changes it, so two changes of one person never meet here.
KEPT = """
SET LOCAL lock_timeout = '10s';  -- rather try again later than keep everybody waiting behind a long import
CREATE FUNCTION last_mailed_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND NEW.last_mailed_at IS NOT NULL THEN
        INSERT INTO contacts_lastmailed (person_id, at) VALUES (NEW.id, NEW.last_mailed_at)
        ON CONFLICT (person_id) DO UPDATE SET at = excluded.at;
    ELSE
        DELETE FROM contacts_lastmailed WHERE person_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER last_mailed_begins AFTER INSERT ON contacts_person FOR EACH ROW
    WHEN (NEW.last_mailed_at IS NOT NULL) EXECUTE FUNCTION last_mailed_follows();
CREATE TRIGGER last_mailed_changes AFTER UPDATE OF last_mailed_at ON contacts_person FOR EACH ROW
    WHEN (OLD.last_mailed_at IS DISTINCT FROM NEW.last_mailed_at) EXECUTE FUNCTION last_mailed_follows();
CREATE TRIGGER last_mailed_ends AFTER DELETE ON contacts_person FOR EACH ROW
    WHEN (OLD.last_mailed_at IS NOT NULL) EXECUTE FUNCTION last_mailed_follows();
"""
NOT_KEPT = """
DROP TRIGGER last_mailed_begins ON contacts_person;
DROP TRIGGER last_mailed_changes ON contacts_person;
DROP TRIGGER last_mailed_ends ON contacts_person;
DROP FUNCTION last_mailed_follows();
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0030_counted_from_seats")]

    operations = [
        migrations.CreateModel(
            name="LastMailed",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=models.DO_NOTHING,
                        primary_key=True,
                        related_name="mailed",
                        serialize=False,
                        to="contacts.person",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(F("at").desc(nulls_last=True), "person", name="last_mailed_order")],
            },
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
    ]
