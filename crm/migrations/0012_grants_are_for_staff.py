from django.db import migrations

# a partner's account never gets a role, and a member of staff never becomes a partner, whatever code forgets to ask
HELD = """
CREATE FUNCTION crm_grant_is_for_staff() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'crm_grant' THEN
    PERFORM 1 FROM crm_user WHERE id = NEW.user_id AND is_partner FOR SHARE;
    IF FOUND THEN
      RAISE EXCEPTION 'a partner''s account has no role' USING ERRCODE = '23514', CONSTRAINT = 'grant_is_for_staff';
    END IF;
  ELSIF NEW.is_partner AND EXISTS (SELECT 1 FROM crm_grant WHERE user_id = NEW.id) THEN
    RAISE EXCEPTION 'a member of staff is no partner' USING ERRCODE = '23514', CONSTRAINT = 'grant_is_for_staff';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER grant_is_for_staff BEFORE INSERT OR UPDATE ON crm_grant
  FOR EACH ROW EXECUTE FUNCTION crm_grant_is_for_staff();
CREATE TRIGGER grant_is_for_staff BEFORE UPDATE OF is_partner ON crm_user
  FOR EACH ROW EXECUTE FUNCTION crm_grant_is_for_staff();
"""
BACK = "DROP FUNCTION crm_grant_is_for_staff() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("crm", "0011_partners_accounts")]

    operations = [migrations.RunSQL(HELD, BACK)]
