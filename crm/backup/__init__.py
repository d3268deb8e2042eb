"""Backups: one file with the database, the uploads and the keys, and the way back from it. It never writes over anything."""
