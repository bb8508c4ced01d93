"""The parameters of SpectralLSTM: how it trains and what it generates."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.contract.applicability import Other
from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.searching import Between, choices
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dropout,
    epochs,
    learning_rate,
    length,
    num_layers,
    prompt_length,
    prompt_start,
    sample_rate,
    seconds_per_song,
    sequence_length,
    song_limit,
    temperature,
    top_k,
    top_p,
    units,
    validation_share,
)


class Training(Schedule):
    representation: Literal["frames", "blocks"] = parameter(
        "frames", title="Representation",
        help="frames: the magnitude spectra of short overlapping windows, sampled at random; phases are reconstructed "
        "afterwards, and nothing clicks. blocks, as in the authors' code: real and imaginary parts of long blocks "
        "without overlap; they tick at every edge, and tend to silence.",
    )  # fmt: skip
    sample_rate: int = sample_rate(22_050)
    clip_seconds: float = sequence_length(3.0, gt=0, le=600, unit="s")
    epochs: int = epochs(40, le=100_000)
    units: int = units(256, le=8192)
    num_layers: int = num_layers(1)
    cell: Literal["lstm", "gru"] = parameter(
        "lstm", title="Recurrent cell", help="gru is simpler: it has a quarter fewer weights, and is often as good.",
        search=choices("lstm", "gru"),
    )  # fmt: skip
    batch_size: int = batch_size(16)
    learning_rate: float = learning_rate(1e-3)
    seconds_per_song: float = seconds_per_song(7200.0)
    max_songs: int = song_limit(0)
    block_size: int = parameter(
        11_025, ge=2, le=1_000_000, unit="samples", title="Block length",
        help="For blocks: every edge between two blocks can be heard as a tick. 11,025 samples at 44.1 kHz tick four "
        "times a second.",
        applies_when={"representation": "blocks"},
    )  # fmt: skip
    transform: Literal["fft", "rfft", "none"] = parameter(
        "fft", title="Block transform",
        help="For blocks. fft: the full spectrum, in which real sound has everything twice. rfft: only the half that "
        "is needed; it sounds the same and takes half of the memory. none: the samples themselves (time domain).",
        applies_when={"representation": "blocks"},
    )  # fmt: skip
    loss: Literal["mse", "mae"] = parameter(
        "mse", title="Loss function",
        help="For blocks: squared or absolute error. A network that is unsure keeps both low by predicting the mean, "
        "which is near silence; that is why blocks fall silent.",
        applies_when={"representation": "blocks"},
    )  # fmt: skip
    normalise: bool = parameter(
        True, title="Normalise frequencies",
        help="For blocks: every frequency has the same weight in training. Off: only the loud ones are learned.",
        applies_when={"representation": "blocks"},
    )  # fmt: skip
    n_fft: int = parameter(
        2048, ge=32, le=32_768, multiple_of=4, unit="samples", title="Window length",
        help="For frames: longer windows separate close pitches, but blur the starts of notes.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    hop_length: int = parameter(
        512, ge=8, le=16_384, unit="samples", title="Hop length",
        help="For frames: the distance from one window to the next. With a quarter of the window, the overlap is "
        "enough for clean sound.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    frames_per_step: int = parameter(
        2, ge=1, le=32, unit="frames", title="Step length",
        help="For frames: how many the network generates at once. More of them keep the starts of notes intact, and "
        "the network remembers further back.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    codebook_size: int = parameter(
        128, ge=2, le=4096, unit="sounds", title="Codebook size",
        help="For frames: how many typical sounds there are to choose from, at most. More of them sound finer and need "
        "more music.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    num_codebooks: int = parameter(
        2, ge=1, le=8, title="Codebooks",
        help="For frames: each codebook after the first corrects the error that is left, so that the sound is less "
        "coarse.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    correction_size: int = parameter(
        64, ge=2, le=4096, unit="sounds", advanced=True, title="Correction codebook size",
        help="For frames: size of the codebooks after the first.",
        applies_when={"representation": "frames", "num_codebooks": Other(1)},
    )  # fmt: skip
    components: int = parameter(
        64, ge=1, le=1024, advanced=True, title="Principal components",
        help="For frames: how many principal components describe a step's spectrum. Fewer sound duller and cleaner.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    dropout: float = dropout(0.3, advanced=True)
    input_blur: float = parameter(
        1.0, ge=0, le=10, advanced=True, title="Input blur",
        search=Between(0, 3, by_ear_only=True),
        help="For frames: how often the network reads a similar sound instead of the right one in training, so that "
        "its own small mistakes do not throw it off when it generates.",
        applies_when={"representation": "frames"},
    )  # fmt: skip
    sequence_overlap: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Sequence overlap",
        help="What share of each sequence is repeated in the next. 0, as in the authors' code: everything is shown "
        "once.",
    )  # fmt: skip
    validation_share: float = validation_share(0.2, part="the last part of each song")
    optimizer: Literal["adam", "rmsprop"] = parameter(
        "adam", advanced=True, title="Optimiser", search=choices("adam", "rmsprop"),
        help="The algorithm that changes the weights in each training step. The authors used rmsprop.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _windows_overlap(self) -> Training:
        if self.representation == "frames" and 2 * self.hop_length > self.n_fft:
            raise ValueError(
                f"the hop is at most half of the window, so that windows overlap; received hop_length = "
                f"{self.hop_length} and n_fft = {self.n_fft}"
            )
        return self


class Generation(Parameters):
    seconds: float = length(15.0, gt=0, le=300, unit="s", applies_when={"steps": 0})
    steps: int = parameter(
        0, ge=0, le=100_000, title="Steps",
        help="Generate exactly this many steps and ignore the length; 0 uses the length. The authors used 10; their "
        "first step repeats the whole prompt, so 9 blocks are new.",
    )  # fmt: skip
    temperature: float = temperature(when="For frames", applies_when={"training.representation": "frames"})
    top_p: float = top_p(when="For frames", applies_when={"training.representation": "frames"})
    top_k: int = top_k(advanced=True, when="For frames", applies_when={"training.representation": "frames"})
    seed_len: int = prompt_length(1, ge=1, le=100, unit="clips", more="Each clip is one sequence long.")
    start_seconds: float | None = prompt_start()
    keep_seed: bool = parameter(
        False, title="Keep the prompt",
        help="Start with the network's own version of the prompt, as in the authors' code. It sounds like the song "
        "because the network followed the song.",
    )  # fmt: skip
    normalise_peak: bool = parameter(
        False, title="Normalise the peak", help="Turn the piece up until its loudest moment is at full scale."
    )
    phase_iterations: int = parameter(
        32, ge=0, le=1000, advanced=True, title="Phase iterations",
        help="For frames: how many times phases are corrected so that overlapping windows agree. Too few sound hollow.",
        applies_when={"training.representation": "frames"},
    )  # fmt: skip
