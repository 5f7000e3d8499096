"""Rebuilt maps kept for good: rows in a database, arrays in content-addressed files."""
