"""A recipe and a data folder -> trained weights: loop, checkpoints, queue, export."""
