"""The rig: the `radiosem` command, the demo and its sample pack, data sets, scores, the bench."""
