"""What learns: data, networks, recipes, rivals; and the ray tracer that makes maps to learn from."""
