"""Building masks <-> bytes: the registry of codecs."""
