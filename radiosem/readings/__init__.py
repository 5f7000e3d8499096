"""Readings of a map that travel with its causes: chosen, coded, and the map mended by them."""
