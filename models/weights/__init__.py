"""Trained networks as data: ONNX and safetensors files, listed with digests and scores in MANIFEST.toml."""
