"""Reconstructors of other papers, one a file, trained by the same loop on the same maps as ours."""
