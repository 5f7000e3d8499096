"""Bandwidth against error: sweeps of codec, quality, link and noise, and the papers' tables, with all to check them."""
