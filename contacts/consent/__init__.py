"""Topics, the consent ledger, suppressions. Append-only; no import and no merge lifts a suppression."""
