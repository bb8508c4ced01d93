"""How far the visitor has come with the three steps (bring music, train, listen), read from the database alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from musicgen.wording import count

RECENT = 5


@dataclass(frozen=True)
class Step:
    """A card of the home page. `pages`: where its buttons lead."""

    name: str
    title: str
    icon: str
    summary: str
    pages: tuple[str, ...]


STEPS = (
    Step("songs", "Bring music", ":material/library_music:", "Your own songs or MIDI files, or a sample.", ("songs",)),
    Step(
        "train", "Train a network", ":material/school:", "Choose songs and an approach. It learns on this machine.",
        ("train", "runs"),
    ),
    Step(
        "listen", "Listen", ":material/headphones:", "Hear what it makes, beside the original.", ("generate", "compare")
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Numbers for the cards, and the latest runs and outputs."""

    n_audio: int
    n_midi: int
    runs: list[Any]
    outputs: list[Any]
    n_runs: int
    n_active: int
    n_outputs: int

    @property
    def next_step(self) -> tuple[str, str]:
        """The page to go to next, and the words on the button."""
        if not self.n_audio + self.n_midi:
            return "songs", "Add your first song"
        if not self.n_runs:
            return "train", "Train your first network"
        if self.n_outputs:
            return "compare", "Compare original and generated"
        if any(run.can_generate for run in self.runs):
            return "generate", "Generate music"
        return "runs", "Watch the run"

    @property
    def counts(self) -> dict[str, str]:
        """One line for each step."""
        songs = count(self.n_audio + self.n_midi, "song")
        return {
            "songs": f"{songs} ({self.n_audio:,} audio, {self.n_midi:,} MIDI)"
            if self.n_audio + self.n_midi
            else "no songs yet",
            "train": _counted(self.n_runs, "run") + (f", {self.n_active} in progress" if self.n_active else ""),
            "listen": _counted(self.n_outputs, "output"),
        }


def _counted(number: int, one: str) -> str:
    return count(number, one) if number else f"no {one}s yet"


def read_progress() -> Progress:
    """Read the database: a handful of small queries, as quick with thousands of songs as with ten."""
    from musicgen.runs.api import count_active, count_outputs, count_runs, list_outputs, list_runs
    from musicgen.songs.library import count_songs

    return Progress(
        n_audio=count_songs(medium="audio"),
        n_midi=count_songs(medium="midi"),
        runs=list_runs(limit=RECENT),
        outputs=list_outputs(limit=RECENT),
        n_runs=count_runs(),
        n_active=count_active("train"),
        n_outputs=count_outputs(),
    )
