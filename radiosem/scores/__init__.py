"""True and rebuilt maps -> scores, of one and of many."""
