"""The consent ledger is append-only, and its state follows it; both by trigger, so that COPY and shells obey too."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION consent_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- the one exception: erasure blanks what is personal, and says that it is erasure
    IF TG_OP = 'UPDATE' AND current_setting('groundswell.erasing', true) = 'on'
       AND (NEW.id, NEW.subject_uid, NEW.subject_kind, NEW.topic_id, NEW.channel, NEW.action, NEW.lawful_basis, NEW.at)
           IS NOT DISTINCT FROM
           (OLD.id, OLD.subject_uid, OLD.subject_kind, OLD.topic_id, OLD.channel, OLD.action, OLD.lawful_basis, OLD.at)
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'consent_event is append-only: record a new event instead' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE ON contacts_consentevent
    FOR EACH ROW EXECUTE FUNCTION consent_event_is_append_only();
CREATE TRIGGER consent_event_no_truncate BEFORE TRUNCATE ON contacts_consentevent
    FOR EACH STATEMENT EXECUTE FUNCTION consent_event_is_append_only();
"""
APPEND_ONLY_BACK = """
DROP TRIGGER consent_event_append_only ON contacts_consentevent;
DROP TRIGGER consent_event_no_truncate ON contacts_consentevent;
DROP FUNCTION consent_event_is_append_only();
"""
STATE_FOLLOWS = """
CREATE FUNCTION consent_state_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_consentstate AS s
           (subject_uid, subject_kind, topic_id, channel, is_granted, lawful_basis, at, event_id)
    SELECT DISTINCT ON (subject_uid, topic_id, channel)
           subject_uid, subject_kind, topic_id, channel, action = 'grant', lawful_basis, at, id
      FROM added ORDER BY subject_uid, topic_id, channel, at DESC, id DESC
    ON CONFLICT (subject_uid, topic_id, channel) DO UPDATE
       SET is_granted = EXCLUDED.is_granted, lawful_basis = EXCLUDED.lawful_basis,
           at = EXCLUDED.at, event_id = EXCLUDED.event_id
     WHERE (s.at, s.event_id) < (EXCLUDED.at, EXCLUDED.event_id);
    RETURN NULL;
END $$;
CREATE TRIGGER consent_state_follows AFTER INSERT ON contacts_consentevent
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION consent_state_follows();
"""
STATE_FOLLOWS_BACK = """
DROP TRIGGER consent_state_follows ON contacts_consentevent;
DROP FUNCTION consent_state_follows();
"""
# few addresses are bad, and lists ask for just those
BAD_ADDRESSES = "CREATE INDEX contact_point_bad ON contacts_contactpoint (status, person_id) WHERE status <> 'active'"
CONTACTED_LAST = (
    "CREATE INDEX organization_contacted_last ON contacts_organization (last_contacted_at DESC NULLS LAST, id)"
)


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(STATE_FOLLOWS, STATE_FOLLOWS_BACK),
        migrations.RunSQL(BAD_ADDRESSES, "DROP INDEX contact_point_bad"),
        migrations.RunSQL(CONTACTED_LAST, "DROP INDEX organization_contacted_last"),
    ]
