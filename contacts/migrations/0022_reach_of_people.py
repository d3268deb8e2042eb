"""Countries other than their own in which people are seen, kept by triggers: asking memberships for them cost every page of whoever
works in some countries."""

from django.db import migrations, models

# In this order whoever takes two locks takes them: organizations, then people. Statements behind a lock see what it waited for.
KEPT = """
CREATE FUNCTION person_reach_anew(people bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_person WHERE id = ANY (people) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM contacts_personreach WHERE person_id = ANY (people);
    INSERT INTO contacts_personreach (country, person_id)
    SELECT DISTINCT c.code, m.person_id
      FROM contacts_membership m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.person_id = ANY (people) AND m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION person_reach_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id IN (SELECT organization_id FROM added WHERE ended_on IS NULL) ORDER BY id FOR SHARE;
    PERFORM 1 FROM contacts_person  -- nobody else sees those that this transaction made
      WHERE id IN (SELECT person_id FROM added WHERE ended_on IS NULL) AND xmin <> pg_current_xact_id()::xid ORDER BY id FOR SHARE;
    INSERT INTO contacts_personreach (country, person_id)
    SELECT DISTINCT c.code, m.person_id
      FROM added m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER person_reach_grows AFTER INSERT ON contacts_membership REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION person_reach_grows();

CREATE FUNCTION person_reach_shrinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM person_reach_anew((SELECT array_agg(DISTINCT person_id) FROM gone));
    RETURN NULL;
END $$;
CREATE TRIGGER person_reach_shrinks AFTER DELETE ON contacts_membership REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION person_reach_shrinks();

CREATE FUNCTION person_reach_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id = NEW.organization_id FOR SHARE;
    PERFORM person_reach_anew(ARRAY[OLD.person_id, NEW.person_id]);
    RETURN NULL;
END $$;
CREATE TRIGGER person_reach_moves AFTER UPDATE OF person_id, organization_id, ended_on ON contacts_membership FOR EACH ROW
    WHEN ((OLD.person_id, OLD.organization_id, OLD.ended_on) IS DISTINCT FROM (NEW.person_id, NEW.organization_id, NEW.ended_on))
    EXECUTE FUNCTION person_reach_moves();

CREATE FUNCTION person_reach_follows_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM person_reach_anew(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE TRIGGER person_reach_follows_person AFTER UPDATE OF country_id ON contacts_person FOR EACH ROW
    WHEN (OLD.country_id IS DISTINCT FROM NEW.country_id) EXECUTE FUNCTION person_reach_follows_person();

CREATE FUNCTION person_reach_follows_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM person_reach_anew((SELECT array_agg(DISTINCT person_id) FROM contacts_membership
                                WHERE organization_id = NEW.id AND ended_on IS NULL));
    RETURN NULL;
END $$;
CREATE TRIGGER person_reach_follows_organization AFTER UPDATE OF country_id, countries_of_work ON contacts_organization FOR EACH ROW
    WHEN (OLD.country_id IS DISTINCT FROM NEW.country_id OR OLD.countries_of_work IS DISTINCT FROM NEW.countries_of_work)
    EXECUTE FUNCTION person_reach_follows_organization();

INSERT INTO contacts_personreach (country, person_id)
SELECT DISTINCT c.code, m.person_id
  FROM contacts_membership m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
       CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
 WHERE m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id;
"""
NOT_KEPT = """
DROP TRIGGER person_reach_grows ON contacts_membership;
DROP TRIGGER person_reach_shrinks ON contacts_membership;
DROP TRIGGER person_reach_moves ON contacts_membership;
DROP TRIGGER person_reach_follows_person ON contacts_person;
DROP TRIGGER person_reach_follows_organization ON contacts_organization;
DROP FUNCTION person_reach_grows(), person_reach_shrinks(), person_reach_moves(), person_reach_follows_person(),
              person_reach_follows_organization(), person_reach_anew(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0021_lines_of_imports_in_columns"),
    ]

    operations = [
        migrations.CreateModel(
            name="PersonReach",
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
                "indexes": [models.Index(fields=["person_id"], name="person_reach_person")],
            },
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
    ]
