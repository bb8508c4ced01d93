"""The network that hears notes: Basic Pitch by Spotify (R. Bittner et al., A lightweight instrument-agnostic model for
polyphonic note transcription and multipitch estimation, 2022), 17,000 weights in a TFLite file under assets/.

Knows no files of ours and no music: windows of sound go in, posteriors come out. Children only: loads TensorFlow.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.hearing.spectra import Spectra, beside_level, pitch_spectra
from musicgen.hearing.windows import HOP, WINDOW, Samples, kept, kept_samples, rises
from musicgen.machine import usable_cores
from musicgen.processes import ROOT

MODEL = ROOT / "assets" / "basic_pitch" / "nmp.tflite"
MODEL_SHA256 = "3db297d54af8e01c6e5618245c956b1d71b6a2b978cb2dedb527173186552676"
LOWEST_PITCH = 21  # A0, the lowest key of a piano
NUM_PITCHES = 88
BINS = 3  # of the contour in each semitone
OUTPUTS = {"contour": 0, "note": 1, "onset": 2}  # the number at the end of the name of each output tensor

Posterior = NDArray[np.float16]


@dataclass(frozen=True)
class Posteriors:
    """How likely the network thinks it is, for each frame and each of the 88 pitches from A0 on.

    Attributes:
        onset: that a note begins. note: that it sounds. contour: that there is sound of this pitch, whatever its notes;
            the highest of the three bins of a semitone. All float16, shape (n_frames, 88).
        rise: how much louder the spectrum becomes, float32, shape (n_frames,).
        spectra: how strong the sound is at each pitch, float16, shape (n_frames, 2, 106): see `spectra.py`.
    """

    onset: Posterior
    note: Posterior
    contour: Posterior
    rise: NDArray[np.float32]
    spectra: Spectra

    @property
    def n_frames(self) -> int:
        return int(self.onset.shape[0])


def hear_windows(windows: Iterable[Samples], n_frames: int, on_window: Callable[[int], None]) -> Posteriors:
    """Run the network over all windows.

    Args:
        n_frames: of the sound; what the last window has beyond them is left out.
        on_window: called with the number of windows done after each; an exception from it ends the work.
    """
    run = _runner(MODEL)
    names = ("onset", "note", "contour", "rise", "spectra")
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    energy = 0.0
    for number, window in enumerate(windows, 1):
        answers = run(window)
        contour = answers["contour"].reshape(len(answers["contour"]), NUM_PITCHES, BINS).max(axis=2)
        for name, answer in (("onset", answers["onset"]), ("note", answers["note"]), ("contour", contour)):
            parts[name].append(kept(answer).astype(np.float16))
        parts["rise"].append(rises(window))
        parts["spectra"].append(pitch_spectra(window))
        energy += float(np.square(kept_samples(window), dtype=np.float64).sum())
        on_window(number)
    joined = {name: np.concatenate(parts.pop(name))[:n_frames] for name in names}
    level = (energy / max(n_frames * HOP, 1)) ** 0.5
    beside_level(joined["spectra"], level)
    return Posteriors(**joined)


def _runner(path: Path) -> Callable[[Samples], dict[str, NDArray[np.float32]]]:
    """A function from a window to the outputs by name, each of shape (172, 88 or 264)."""
    interpreter = _interpreter(_content(path))
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    found = {int(each["name"].rpartition(":")[2]): each["index"] for each in interpreter.get_output_details()}

    def run(window: Samples) -> dict[str, NDArray[np.float32]]:
        interpreter.set_tensor(place, window.reshape(1, WINDOW, 1))
        interpreter.invoke()
        return {name: interpreter.get_tensor(found[number])[0] for name, number in OUTPUTS.items()}

    return run


def _content(path: Path) -> bytes:
    """The model file. Raises ResourceUnavailable if it is missing or another one than this code was made for."""
    rule = "Songs are heard as notes by the network in assets/basic_pitch/nmp.tflite"
    remedy = "Restore the file from where you got this program. Everything else works without it."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResourceUnavailable(sentence(rule, error.strerror or "no file", remedy), code="no_model") from error
    if hashlib.sha256(content).hexdigest() != MODEL_SHA256:
        raise ResourceUnavailable(sentence(rule, "a file with another content", remedy), code="no_model")
    return content


def _interpreter(content: bytes) -> Any:
    """Runs a TFLite file: LiteRT if it is installed, because it loads in a tenth of the time; otherwise the same
    interpreter in TensorFlow, which is required anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's says that it will move to LiteRT
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            from tensorflow.lite.python.interpreter import Interpreter
        return Interpreter(model_content=content, num_threads=usable_cores())
