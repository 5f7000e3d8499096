"""Low-density parity-check codes of 5G: their tables, encoder and decoder."""
