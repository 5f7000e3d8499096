"""Colours that figures and pages share."""

INK, MUTED, PAPER, LINE, ACCENT = "#1b2430", "#5d6875", "#ffffff", "#e3e7ec", "#0b6e8a"
BUILDING, UNKNOWN = "#b9c0c9", "#e9ecef"  # where a map has no value
OUTDOORS, WALLS, TRANSMITTER = "#f4f1ea", "#3d4a5c", "#19b5fe"  # of a mask, and what stands on it
ERROR_LIMIT_DB = 30.0  # either side, where the colours of an error end
PALETTE = (
    *("#0b6e8a", "#d1495b", "#5b8c5a", "#8f5aa8", "#d98324", "#3d5a98", "#a3556f", "#6b7f2a", "#2f9c95", "#7a5c3e"),
    *("#c9b400", "#12a5e8", "#1f1f1f", "#e58bc4", "#8fd14f", "#9aa5b1", "#5e2750", "#f0a08c", "#00603c", "#b4a7f0"),
    *("#8a2be2", "#c2410c", "#155e75", "#a8a29e", "#facc15", "#00e5c0", "#ff2d87", "#7f0000"),
)
