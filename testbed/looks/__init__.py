"""How all looks that the rig draws: colours, axes, pages."""
