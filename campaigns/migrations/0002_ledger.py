"""The partitioned tables: deliveries by mailing, engagement by month. Partitions are made ahead by the services."""

from django.db import migrations

DELIVERY = """
CREATE TABLE delivery (
    mailing_id bigint NOT NULL,
    seq integer NOT NULL,
    state varchar(9) NOT NULL
        CHECK (state IN ('pending','in_flight','deferred','accepted','failed','skipped','cancelled','uncertain')),
    skip_reason varchar(14) NOT NULL DEFAULT '',
    skip_also varchar(14)[] NOT NULL DEFAULT '{}',
    address varchar(320) NOT NULL DEFAULT '',
    address_key varchar(320),
    address_hash bytea,
    variant_id bigint,
    person_id bigint, post_id bigint, organization_id bigint, contact_point_id bigint,
    constituency_code varchar(12) NOT NULL DEFAULT '',
    country_code varchar(2) NOT NULL DEFAULT '',
    language varchar(8) NOT NULL DEFAULT '',
    is_tracked boolean NOT NULL DEFAULT true,
    fields jsonb NOT NULL DEFAULT '{}',
    attempts smallint NOT NULL DEFAULT 0,
    first_attempt_at timestamptz, last_attempt_at timestamptz, settled_at timestamptz,
    reply_code smallint,
    reply_text varchar(300) NOT NULL DEFAULT '',
    PRIMARY KEY (mailing_id, seq),
    CONSTRAINT delivery_skipped_says_why CHECK ((state = 'skipped') = (skip_reason <> '')),
    CONSTRAINT delivery_skipped_has_no_key CHECK ((state = 'skipped') = (address_key IS NULL))
) PARTITION BY RANGE (mailing_id);
CREATE UNIQUE INDEX delivery_address_once ON delivery (mailing_id, address_key);
CREATE INDEX delivery_person ON delivery (person_id, mailing_id);
CREATE INDEX delivery_organization ON delivery (organization_id, mailing_id);
CREATE INDEX delivery_hash ON delivery (address_hash);
-- the first one; the others are made ahead by campaigns/delivery/partitions.py
CREATE TABLE delivery_p00000 (LIKE delivery INCLUDING ALL,
    CONSTRAINT delivery_p00000_range CHECK (mailing_id >= 0 AND mailing_id < 200))
    WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1);
ALTER TABLE delivery ATTACH PARTITION delivery_p00000 FOR VALUES FROM (0) TO (200);
"""
ENGAGEMENT = """
CREATE TABLE engagement (
    hit_id uuid NOT NULL,
    at timestamptz NOT NULL,
    mailing_id bigint NOT NULL,
    seq integer,
    kind varchar(5) NOT NULL CHECK (kind IN ('open','click')),
    link_number smallint,
    hit_class varchar(7) NOT NULL CHECK (hit_class IN ('human','machine','unknown')),
    reason varchar(40) NOT NULL,
    ip inet,
    user_agent varchar(300) NOT NULL DEFAULT '',
    PRIMARY KEY (at, hit_id)
) PARTITION BY RANGE (at);
CREATE INDEX engagement_delivery ON engagement (mailing_id, seq, at);
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.RunSQL(DELIVERY, "DROP TABLE delivery"),
        migrations.RunSQL(ENGAGEMENT, "DROP TABLE engagement"),
    ]
