"""The air: frames -> coded, modulated, noisy complex symbols -> frames."""
