"""Building masks: drawn on the grid, their walls straight, recognised again."""
