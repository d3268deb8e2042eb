"""Who writes memberships, an import above all, holds institutions and people by their keys only, so that others may save them meanwhile.
Whoever changes what the table of countries is made of (a country, a membership that ends) takes the whole row instead, and so waits for
them, and sees what they wrote."""

from django.db import migrations

ANEW = """
CREATE OR REPLACE FUNCTION seen_also_in_anew(people bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_person WHERE id = ANY (people) ORDER BY id FOR {whole};
    DELETE FROM contacts_seenalsoin WHERE person_id = ANY (people);
    INSERT INTO contacts_seenalsoin (country, person_id)
    SELECT DISTINCT c.code, m.person_id
      FROM contacts_membership m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.person_id = ANY (people) AND m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
    ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION seen_also_in_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id IN (SELECT organization_id FROM added WHERE ended_on IS NULL) ORDER BY id FOR {part};
    PERFORM 1 FROM contacts_person  -- nobody else sees those that this transaction made
      WHERE id IN (SELECT person_id FROM added WHERE ended_on IS NULL) AND xmin <> pg_current_xact_id()::xid ORDER BY id FOR {part};
    INSERT INTO contacts_seenalsoin (country, person_id)
    SELECT DISTINCT c.code, m.person_id
      FROM added m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION seen_also_in_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id = NEW.organization_id FOR {part};
    PERFORM seen_also_in_anew(ARRAY[OLD.person_id, NEW.person_id]);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION seen_also_in_follows_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM contacts_organization WHERE id = NEW.id FOR {whole};  -- behind it, members that came meanwhile are seen
    PERFORM seen_also_in_anew((SELECT array_agg(DISTINCT person_id) FROM contacts_membership
                                WHERE organization_id = NEW.id AND ended_on IS NULL));
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0026_imports_draw_ids_early")]

    operations = [
        migrations.RunSQL(
            ANEW.format(whole="UPDATE", part="KEY SHARE"), ANEW.format(whole="NO KEY UPDATE", part="SHARE")
        ),
    ]
