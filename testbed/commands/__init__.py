"""One module for every group of subcommands of `radiosem`."""
