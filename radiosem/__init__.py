"""What both ends agree on, and what rebuilds a map from its causes."""
