"""Files in: detected, mapped, dry-run, then applied set-based as a job. A broken file changes nothing."""
