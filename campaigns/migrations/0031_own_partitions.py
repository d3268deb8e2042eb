"""A large mailing has a partition of its own: the ledger is two trees, of ranges of mailings and of single ones."""

from django.db import migrations

# What was the ledger becomes its first tree. `is_own` stands in the keys because it tells the trees apart; no code reads it.
FORWARDS = """
ALTER TABLE delivery RENAME TO delivery_shared;
ALTER TABLE delivery_shared ADD COLUMN is_own boolean NOT NULL DEFAULT false;
ALTER TABLE delivery_shared DROP CONSTRAINT delivery_pkey;
ALTER TABLE delivery_shared ADD PRIMARY KEY (mailing_id, seq, is_own);
DROP INDEX delivery_address_once;
CREATE UNIQUE INDEX delivery_shared_address_once ON delivery_shared (mailing_id, address_key, is_own);
ALTER INDEX delivery_person RENAME TO delivery_shared_person;
ALTER INDEX delivery_organization RENAME TO delivery_shared_organization;
ALTER INDEX delivery_hash RENAME TO delivery_shared_hash;

CREATE TABLE delivery (LIKE delivery_shared INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY LIST (is_own);
ALTER TABLE delivery ADD PRIMARY KEY (mailing_id, seq, is_own);
CREATE UNIQUE INDEX delivery_address_once ON delivery (mailing_id, address_key, is_own);
CREATE INDEX delivery_person ON delivery (person_id, mailing_id);
CREATE INDEX delivery_organization ON delivery (organization_id, mailing_id);
CREATE INDEX delivery_hash ON delivery (address_hash);
ALTER TABLE delivery ATTACH PARTITION delivery_shared FOR VALUES IN (false);
CREATE TABLE delivery_own PARTITION OF delivery FOR VALUES IN (true) PARTITION BY LIST (mailing_id);
"""
BACKWARDS = """
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM delivery_own) THEN
        RAISE EXCEPTION 'mailings have partitions of their own: finish and remove them first';
    END IF;
END $$;
ALTER TABLE delivery DETACH PARTITION delivery_shared;
DROP TABLE delivery;
ALTER TABLE delivery_shared RENAME TO delivery;
ALTER TABLE delivery DROP CONSTRAINT delivery_shared_pkey;
ALTER TABLE delivery ADD PRIMARY KEY (mailing_id, seq);
DROP INDEX delivery_shared_address_once;
CREATE UNIQUE INDEX delivery_address_once ON delivery (mailing_id, address_key);
ALTER INDEX delivery_shared_person RENAME TO delivery_person;
ALTER INDEX delivery_shared_organization RENAME TO delivery_organization;
ALTER INDEX delivery_shared_hash RENAME TO delivery_hash;
ALTER TABLE delivery DROP COLUMN is_own;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0030_activities")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
