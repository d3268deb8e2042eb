"""The platform: accounts, audit, jobs, screens' shell, local services. Knows nothing of contacts or campaigns."""
