"""Each stage alone against the truth: mask codecs, segmenters, reconstructors; and what they have seen before."""
