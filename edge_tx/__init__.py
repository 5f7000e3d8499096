"""The edge device: an aerial image and sparse power samples become a few kilobits on the air."""
