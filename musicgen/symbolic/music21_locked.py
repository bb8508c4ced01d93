"""music21 with its risky features disabled. Children only: importing it takes half a second and 100 MB.

By default it unpickles files with predictable names in the machine's temporary folder, offers downloads, and
accepts any string as a path, address or notation. Here it gets a private folder that is removed with the process, never
downloads, and is only given paths of its own corpus or streams that we built.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from typing import Any


@cache
def music21_locked() -> Any:
    """The music21 package, set up once for this process; the user's settings file stays as it is."""
    import music21

    scratch = tempfile.mkdtemp(prefix="musicgen-music21-")  # mode 0700
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    environment = music21.environment.Environment()
    environment["directoryScratch"] = scratch
    environment["autoDownload"] = "deny"
    environment["warnings"] = 0
    music21.defaults.title = music21.defaults.author = ""  # of sheet music: neither "Music21 Fragment" nor "Music21"
    return music21
