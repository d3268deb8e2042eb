"""Countries other than their own in which people are seen, kept by triggers: asking memberships for them cost every page of whoever
works in some countries. Those who were there before are written down by a later migration, in batches."""

from django.db import migrations, models

# In this order whoever takes two locks takes them: organizations, then people. Statements behind a lock see what it waited for.
KEPT = """
SET LOCAL lock_timeout = '10s';  -- rather try again later than keep everybody waiting behind a long import
CREATE FUNCTION seen_also_in_anew(people bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_person WHERE id = ANY (people) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM contacts_seenalsoin WHERE person_id = ANY (people);
    INSERT INTO contacts_seenalsoin (country, person_id)
    SELECT DISTINCT c.code, m.person_id
      FROM contacts_membership m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.person_id = ANY (people) AND m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION seen_also_in_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id IN (SELECT organization_id FROM added WHERE ended_on IS NULL) ORDER BY id FOR SHARE;
    PERFORM 1 FROM contacts_person  -- nobody else sees those that this transaction made
      WHERE id IN (SELECT person_id FROM added WHERE ended_on IS NULL) AND xmin <> pg_current_xact_id()::xid ORDER BY id FOR SHARE;
    INSERT INTO contacts_seenalsoin (country, person_id)
    SELECT DISTINCT c.code, m.person_id
      FROM added m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seen_also_in_grows AFTER INSERT ON contacts_membership REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION seen_also_in_grows();

CREATE FUNCTION seen_also_in_shrinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM seen_also_in_anew((SELECT array_agg(DISTINCT person_id) FROM gone));
    RETURN NULL;
END $$;
CREATE TRIGGER seen_also_in_shrinks AFTER DELETE ON contacts_membership REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION seen_also_in_shrinks();

CREATE FUNCTION seen_also_in_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id = NEW.organization_id FOR SHARE;
    PERFORM seen_also_in_anew(ARRAY[OLD.person_id, NEW.person_id]);
    RETURN NULL;
END $$;
CREATE TRIGGER seen_also_in_moves AFTER UPDATE OF person_id, organization_id, ended_on ON contacts_membership FOR EACH ROW
    WHEN ((OLD.person_id, OLD.organization_id, OLD.ended_on) IS DISTINCT FROM (NEW.person_id, NEW.organization_id, NEW.ended_on))
    EXECUTE FUNCTION seen_also_in_moves();

CREATE FUNCTION seen_also_in_follows_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM seen_also_in_anew(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE TRIGGER seen_also_in_follows_person AFTER UPDATE OF country_id ON contacts_person FOR EACH ROW
    WHEN (OLD.country_id IS DISTINCT FROM NEW.country_id) EXECUTE FUNCTION seen_also_in_follows_person();

CREATE FUNCTION seen_also_in_follows_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM seen_also_in_anew((SELECT array_agg(DISTINCT person_id) FROM contacts_membership
                                WHERE organization_id = NEW.id AND ended_on IS NULL));
    RETURN NULL;
END $$;
CREATE TRIGGER seen_also_in_follows_organization AFTER UPDATE OF country_id, countries_of_work ON contacts_organization FOR EACH ROW
    WHEN (OLD.country_id IS DISTINCT FROM NEW.country_id OR OLD.countries_of_work IS DISTINCT FROM NEW.countries_of_work)
    EXECUTE FUNCTION seen_also_in_follows_organization();
"""
NOT_KEPT = """
DROP TRIGGER seen_also_in_grows ON contacts_membership;
DROP TRIGGER seen_also_in_shrinks ON contacts_membership;
DROP TRIGGER seen_also_in_moves ON contacts_membership;
DROP TRIGGER seen_also_in_follows_person ON contacts_person;
DROP TRIGGER seen_also_in_follows_organization ON contacts_organization;
DROP FUNCTION seen_also_in_grows(), seen_also_in_shrinks(), seen_also_in_moves(), seen_also_in_follows_person(),
              seen_also_in_follows_organization(), seen_also_in_anew(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0022_reach"),
    ]

    operations = [
        migrations.CreateModel(
            name="SeenAlsoIn",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "country", "person_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("country", models.CharField(max_length=2)),
                ("person_id", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["person_id"], name="seen_also_in_person")],
            },
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
    ]
