"""Files by address, served by Streamlit with Range requests. They stay as long as the page names them: at the end of
each run of the script Streamlit drops what was not named again. The browser tries again what was missing for a moment.
"""

from __future__ import annotations

from pathlib import Path

from streamlit import config, runtime

_known: dict[tuple[str, int, int], str] = {}  # (path, size, time of change) → Streamlit's id, so it is read once only
KEPT = 512


def address(source: Path | bytes, mimetype: str, place: str) -> str:
    """The address of a file or of its content. `place`: where it is used; a new one there replaces the old one.

    Raises OSError if the file is gone."""
    if not runtime.exists():  # a script without a server
        return ""
    url = _add(source, mimetype, place) if isinstance(source, bytes) else _add_file(source, mimetype, place)
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}{url}" if base else url


def _add(content: bytes, mimetype: str, place: str) -> str:
    return runtime.get_instance().media_file_mgr.add(content, mimetype, place)


def _add_file(path: Path, mimetype: str, place: str) -> str:
    files = runtime.get_instance().media_file_mgr
    state = path.stat()
    key = (str(path), state.st_size, state.st_mtime_ns)
    held = files.read_file(_known[key]) if key in _known and files.can_read_files else None
    url = _add(held.content if held else path.read_bytes(), mimetype, place)
    _known[key] = url.rsplit("/", 1)[-1].split(".")[0]
    while len(_known) > KEPT:
        del _known[next(iter(_known))]
    return url
