"""What can go wrong, as types.

    MusicgenError              something the user can fix; exit code 1, one sentence
    ├── InvalidInput           a value, file or argument that breaks a rule
    │   ├── RejectedFile       an upload that cannot become a song
    │   └── InvalidParameter   a hyper-parameter outside its bounds
    ├── NotFound               no such song, run, output or approach
    ├── WrongState             the thing exists, but not in a state that allows this
    ├── CorruptArtifact        stored bytes do not match their recorded hash
    │   └── DamagedFile        a file of our own that cannot be understood
    ├── TrainingFailed         training cannot go on (NaN loss, out of memory)
    └── ResourceUnavailable    a program, device or memory that is missing
        └── StorageUnavailable a disk or record that is full, broken or write-protected
    Cancelled                  not an error: the user asked the work to stop

Anything else that reaches the top is our bug (exit code 70), except faults of the machine: see faults.py.
"""

from __future__ import annotations


def sentence(rule: str, received: object, remedy: str = "") -> str:
    """One message in the usual form: the rule, what was received, what to do."""
    text = f"{rule.rstrip('.')}. Received: {received}."
    return f"{text} {remedy}".strip()


class MusicgenError(Exception):
    """Base of everything a user can fix. `code` is a stable word for tests and scripts."""

    exit_code = 1

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class InvalidInput(MusicgenError):
    """A value, file or argument breaks a rule."""


class RejectedFile(InvalidInput):
    """An upload that cannot become a song."""


class InvalidParameter(InvalidInput):
    """A hyper-parameter is outside its bounds or does not fit the others."""


class NotFound(MusicgenError):
    """No such song, run, output or approach."""


class WrongState(MusicgenError):
    """The thing exists, but its state does not allow the action."""


class CorruptArtifact(MusicgenError):
    """Stored bytes do not match their recorded hash, or are incomplete."""


class DamagedFile(CorruptArtifact, ValueError):
    """A file of our own cannot be understood. Also a ValueError, for callers that can do without the file."""


class TrainingFailed(MusicgenError):
    """Training cannot go on; `advice` says what to change."""

    def __init__(self, message: str, *, code: str = "", advice: str = "") -> None:
        super().__init__(message, code=code)
        self.advice = advice


class ResourceUnavailable(MusicgenError):
    """A program, device or memory is missing or exhausted."""


class StorageUnavailable(ResourceUnavailable):
    """The disk or record is full, broken or write-protected. Nothing was changed, and the work can go on later."""


class Cancelled(Exception):
    """The user asked the work to stop; what was learned or made so far is kept."""
