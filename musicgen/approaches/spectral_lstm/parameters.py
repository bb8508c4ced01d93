"""What can be set: how SpectralLSTM trains, and what it makes."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.shared_parameters import Schedule, learning_rate


class Training(Schedule):
    representation: Literal["frames", "blocks"] = parameter(
        "frames", title="Sound as",
        help="frames: short overlapping windows, their loudness at each frequency, chosen by chance; phases are found "
        "afterwards, and nothing clicks. blocks: the authors' long blocks without overlap, real and imaginary parts; "
        "they tick at every edge, and tend to silence.",
    )  # fmt: skip
    sample_rate: int = parameter(
        22_050, ge=0, le=192_000, unit="Hz", title="Sample rate",
        help="0 keeps the rate of the songs. A lower rate loses the highest tones and is faster.",
    )  # fmt: skip
    clip_seconds: float = parameter(
        3.0, gt=0, le=600, unit="s", title="Clip length",
        help="How much music the network is shown at a time. Longer clips teach longer connections, and take longer.",
    )  # fmt: skip
    epochs: int = parameter(
        40, ge=1, le=100_000, title="Epochs",
        help="How often the music is gone through. The authors counted iterations of 25 epochs each; 50 of them are "
        "1,250.",
    )  # fmt: skip
    units: int = parameter(
        256, ge=1, le=8192, title="Hidden size",
        help="Size of the memory. A larger one learns finer connections, or the songs by heart.",
    )  # fmt: skip
    num_layers: int = parameter(
        1, ge=1, le=8, title="Recurrent layers", help="Memories on top of each other (the authors' recurrent units)."
    )
    cell: Literal["lstm", "gru"] = parameter(
        "lstm", title="Memory cell", help="gru is a simpler memory: a quarter fewer weights, often as good."
    )
    batch_size: int = parameter(
        16, ge=1, le=65_536, title="Batch size",
        help="Clips per step. Larger is faster an epoch, but learns in fewer steps.",
    )  # fmt: skip
    learning_rate: float = learning_rate(1e-3)
    seconds_per_song: float = parameter(
        7200.0, gt=0, le=7200, unit="s", title="Seconds of each song",
        help="At most this much of each song is used, from its start.",
    )  # fmt: skip
    max_songs: int = parameter(
        0, ge=0, le=10_000, unit="songs", title="Most songs", help="At most so many songs are used; 0 uses all of them."
    )
    block_size: int = parameter(
        11_025, ge=2, le=1_000_000, unit="samples", title="Block",
        help="For blocks: length of a block. Every edge between two of them can be heard as a tick: 11,025 samples at "
        "44.1 kHz tick four times a second.",
    )  # fmt: skip
    transform: Literal["fft", "rfft", "none"] = parameter(
        "fft", title="Block as",
        help="For blocks. fft: the whole spectrum, in which real sound says everything twice. rfft: the half that "
        "matters; it sounds the same and takes half of the memory. none: the samples themselves (time domain).",
    )  # fmt: skip
    loss: Literal["mse", "mae"] = parameter(
        "mse", title="Loss",
        help="For blocks: squared or absolute error. Both are least when an unsure network says the mean, which is "
        "near silence; that is why blocks fall silent.",
    )  # fmt: skip
    normalise: bool = parameter(
        True, title="Normalise",
        help="For blocks: every frequency weighs the same while learning. Without it only the loud ones are learned.",
    )  # fmt: skip
    n_fft: int = parameter(
        2048, ge=32, le=32_768, multiple_of=4, unit="samples", title="Window",
        help="For frames: length of a window. Longer ones tell close pitches apart, and blur the beginnings of notes.",
    )  # fmt: skip
    hop_length: int = parameter(
        512, ge=8, le=16_384, unit="samples", title="Hop",
        help="For frames: from one window to the next. A quarter of the window overlaps enough for clean sound.",
    )  # fmt: skip
    frames_per_step: int = parameter(
        2, ge=1, le=32, unit="frames", title="Frames per step",
        help="For frames: how many the network chooses at once. More keep the shape of a note's beginning whole, and "
        "let the memory reach further back.",
    )  # fmt: skip
    codebook_size: int = parameter(
        128, ge=2, le=4096, unit="sounds", title="Sounds in a codebook",
        help="For frames: how many typical sounds there are to choose from, at most. More sound finer and need more "
        "music.",
    )  # fmt: skip
    num_codebooks: int = parameter(
        2, ge=1, le=8, title="Codebooks",
        help="For frames: each further one corrects what the choice before it missed, so that sounds are not coarse.",
    )  # fmt: skip
    correction_size: int = parameter(
        64, ge=2, le=4096, unit="sounds", advanced=True, title="Corrections in a codebook",
        help="For frames: size of the codebooks after the first one.",
    )  # fmt: skip
    components: int = parameter(
        64, ge=1, le=1024, advanced=True, title="Components",
        help="For frames: principal components that a step's spectrum is kept in. Fewer sound duller and cleaner.",
    )  # fmt: skip
    dropout: float = parameter(
        0.3, ge=0, lt=1, advanced=True, title="Dropout",
        help="Share of the signals that are left out at random while learning, against learning songs by heart.",
    )  # fmt: skip
    input_blur: float = parameter(
        1.0, ge=0, le=10, advanced=True, title="Blur of what is heard",
        help="For frames: how often the network hears a sound beside the right one while learning, so that its own "
        "small mistakes do not throw it off when it plays alone.",
    )  # fmt: skip
    sequence_overlap: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Overlap of clips",
        help="How much of each clip the next one shows again. 0, as the authors had it, shows everything once.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.2, ge=0, le=0.5, advanced=True, title="Held-out share",
        help="The last part of each song is never trained on: the loss on it tells what was learned and what was only "
        "memorised. The authors held out nothing.",
    )  # fmt: skip
    optimizer: Literal["adam", "rmsprop"] = parameter(
        "adam", advanced=True, title="Optimiser", help="How steps are made out of errors. The authors took rmsprop."
    )

    @model_validator(mode="after")
    def _windows_overlap(self) -> Training:
        if self.representation == "frames" and 2 * self.hop_length > self.n_fft:
            raise ValueError(
                f"a hop is at most half of the window, so that windows overlap; received hop_length = "
                f"{self.hop_length} and n_fft = {self.n_fft}"
            )
        return self


class Generation(Parameters):
    seconds: float = parameter(
        15.0, gt=0, le=300, unit="s", title="Length", help="How much new sound to make, where no steps are given."
    )
    steps: int = parameter(
        0, ge=0, le=100_000, title="Steps",
        help="So many steps after what is heard, whatever the length above says; 0 goes by the length. The authors "
        "took 10; their first step gives all of the heard part again, so 9 blocks are new.",
    )  # fmt: skip
    temperature: float = parameter(
        1.0, ge=0.05, le=4, title="Temperature",
        help="For frames: how much is dared. Below 1 safer and more repetitive, above 1 wilder and noisier.",
    )  # fmt: skip
    top_p: float = parameter(
        1.0, gt=0, le=1, title="Top p",
        help="For frames: choose among the likeliest sounds that together have this probability; less is cleaner.",
    )  # fmt: skip
    top_k: int = parameter(
        0, ge=0, le=10_000, advanced=True, title="Top k",
        help="For frames: choose among the k likeliest sounds only; 0 chooses among all.",
    )  # fmt: skip
    seed_len: int = parameter(
        1, ge=1, le=100, unit="clips", title="Clips heard first",
        help="How many clips of a song, one after the other, are heard before the network goes on alone.",
    )  # fmt: skip
    start_seconds: float | None = parameter(
        None, ge=0, le=7200, unit="s", title="Heard from",
        help="Where in the song the heard part begins; empty: one of the training examples, drawn by the seed.",
    )  # fmt: skip
    keep_seed: bool = parameter(
        False, title="Keep the heard part",
        help="Begin with the network's version of what it heard, as the authors did: it sounds like the song because "
        "the song led it.",
    )  # fmt: skip
    normalise_peak: bool = parameter(
        False, title="Bring to full scale", help="Make the loudest moment as loud as can be; lifts a faint piece."
    )
    phase_iterations: int = parameter(
        32, ge=0, le=1000, advanced=True, title="Phase iterations",
        help="For frames: how often phases are corrected until overlapping windows agree. Few sound hollow.",
    )  # fmt: skip
