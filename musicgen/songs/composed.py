"""The pieces that this program composes itself, from rules and a seed: free of copyright."""

from musicgen.songs.ground_bass import ground_bass_variations
from musicgen.songs.jazz_tune import jazz_tune
from musicgen.songs.synth_study import synth_study

__all__ = ["ground_bass_variations", "jazz_tune", "synth_study"]
