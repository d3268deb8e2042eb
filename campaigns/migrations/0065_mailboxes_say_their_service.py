"""Mailboxes that sign in with a token had its addresses only: which service that is, and how they get in, follows from them."""

from django.db import migrations

FORWARD = """
UPDATE campaigns_inbox
   SET token_grant = CASE WHEN refresh_token = '' THEN 'program' ELSE 'consent' END,
       consented_at = CASE WHEN refresh_token = '' THEN NULL ELSE updated_at END,
       renewed_at = CASE WHEN refresh_token = '' THEN NULL ELSE updated_at END,
       token_service = CASE
           WHEN token_url = 'https://oauth2.googleapis.com/token' AND refresh_token <> '' THEN 'google'
           WHEN token_url ~ '^https://login\\.microsoftonline\\.com/[A-Za-z0-9.-]{1,100}/oauth2/v2\\.0/token$' THEN 'microsoft'
           ELSE 'other' END,
       consent_url = CASE
           WHEN token_url = 'https://oauth2.googleapis.com/token' THEN 'https://accounts.google.com/o/oauth2/v2/auth'
           WHEN token_url ~ '^https://login\\.microsoftonline\\.com/[A-Za-z0-9.-]{1,100}/oauth2/v2\\.0/token$'
               THEN regexp_replace(token_url, 'token$', 'authorize')
           ELSE '' END
 WHERE sign_in = 'token'
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0064_signing_in_by_token")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
