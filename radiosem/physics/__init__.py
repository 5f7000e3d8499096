"""What physics alone says of a map: path-loss laws, sight lines, rays, and the channels they make."""
