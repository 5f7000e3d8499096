"""Bandwidth against error: scenes through senders and links, pooled, drawn and reported."""
