"""The player: lanes of sound with their pictures on one time axis, switched without a gap.

    original = PlayerLane("original", song.clip, title="Original", role="reference")
    generated = PlayerLane("generated", output.clip, title="Generated", role="generated", shift=12.5)
    draw_player([original, generated], key="compare_player")

lanes.py        what a lane is, and what the browser is told about it
addresses.py    files by address: sound and pictures never travel inside the page
component.py    the Streamlit component, made of the modules in assets/player/
drawn.py        the player, with what it still waits for
"""

from pages.ui.player.component import player
from pages.ui.player.drawn import draw_player
from pages.ui.player.lanes import PlayerLane, Region, Slider

__all__ = ["PlayerLane", "Region", "Slider", "draw_player", "player"]
