"""Settings: where things live and how large they may be. Each one is an environment variable MUSICGEN_<NAME>."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read anew whenever the environment has changed, so that tests and child processes agree."""

    model_config = SettingsConfigDict(env_prefix="MUSICGEN_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("workspace"), description="folder of everything that is stored")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; SQLite in `home` when absent")
    sound_font: Path | None = Field(default=None, description="the .sf2/.sf3 that renders MIDI")
    device: str = Field(default="auto", description="auto, cpu or gpu:N for commands that name none")

    max_upload_mb: int = Field(default=200, ge=1, description="one uploaded file")
    min_audio_seconds: float = Field(default=0.5, gt=0, description="shorter sound is refused")
    max_audio_seconds: float = Field(default=7200.0, gt=0, description="longer sound is refused")
    min_sample_rate: int = Field(default=8_000, description="Hz; sound with a lower rate is refused")
    max_sample_rate: int = Field(default=192_000, description="Hz; sound with a higher rate is refused")
    max_channels: int = Field(default=8, description="sound with more channels is refused")
    max_midi_mb: int = Field(default=5, description="one MIDI file")
    max_midi_tracks: int = Field(default=64, description="a MIDI file with more tracks is refused")
    max_midi_notes: int = Field(default=200_000, description="a MIDI file with more notes is refused")
    max_midi_seconds: float = Field(default=7200.0, description="a MIDI file that lasts longer is refused")
    max_midi_ticks: int = Field(default=10_000_000, description="a MIDI file with a later event is refused")
    max_zip_files: int = Field(default=5_000, description="files of one zip archive")
    max_zip_mb: int = Field(default=2_000, description="songs of one zip archive together, unpacked")

    intake_memory_mb: int = Field(default=2048, description="address space of the process that reads uploads")
    intake_seconds: float = Field(default=90.0, description="wall clock for one short file; long audio gets more")
    render_seconds: float = Field(default=300.0, description="wall clock for rendering one MIDI file to sound")
    max_run_hours: float = Field(default=24.0, gt=0, description="a run that trains longer at a stretch is paused")
    max_stall_minutes: float = Field(default=60.0, gt=0, description="a worker in which nothing moves so long is ended")
    min_free_mb: int = Field(default=500, description="disk space below which nothing new is stored")
    player_seconds: float = Field(default=300.0, description="longest stretch a player is given at once")


def settings() -> Settings:
    """The settings in force now."""
    return _settings(tuple((name, value) for name, value in os.environ.items() if name.upper().startswith("MUSICGEN_")))


@lru_cache(maxsize=8)
def _settings(environment: tuple[tuple[str, str], ...]) -> Settings:
    # Reading the environment through pydantic takes a millisecond, too long for something asked once per file.
    return Settings()


def home() -> Path:
    """The absolute storage folder (`MUSICGEN_HOME`), created on first use."""
    folder = settings().home.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
