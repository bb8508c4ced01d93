"""Colours with a meaning, readable on light and dark backgrounds.

What a network made always has the accent colour; what the visitor added is grey.
"""

ACCENT = "#7566ee"
REFERENCE = "#8591a5"
MARK = "#d9822b"
RUNS = ("#7566ee", "#1f9e89", "#d9822b", "#c8557b", "#3f88c5", "#8a9a3b", "#a871c4", "#8591a5")  # one for each run
GRID = "rgba(128, 128, 140, 0.18)"
LINE = "rgba(128, 128, 140, 0.45)"
# The kinds of layers (`kind` of musicgen.contract.drawing.Layer).
KINDS = {
    "music": "#8591a5",
    "codec": "#3f88c5",
    "embedding": "#a871c4",
    "recurrent": "#7566ee",
    "convolution": "#1f9e89",
    "pooling": "#8a9a3b",
    "dense": "#d9822b",
    "choice": "#c8557b",
}


def faded(colour: str, share: float) -> str:
    """#rrggbb as rgba with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {share})"
