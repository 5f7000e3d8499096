"""Stored maps over HTTP: resources, events, pictures, and the bodies they are promised to have."""
