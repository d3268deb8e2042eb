"""Lists as files: CSV and XLSX, at once or as a job, for whoever may export; logged, kept for a while, then removed."""
