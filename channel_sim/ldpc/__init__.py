"""Low-density parity-check codes of IEEE Std 802.11: their tables, encoder and decoder."""
