"""Buildings and heights -> landscape images as a camera would take them, and the real ones beside them."""
