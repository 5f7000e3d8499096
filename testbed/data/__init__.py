"""Data sets in RadioMapSeer's layout: checked, joined, split, and what is drawn from them."""
