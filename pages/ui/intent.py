"""A double click on a start button starts one task; asking again later starts another."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import Any

from pages.ui.state import recall, remember

SAME_CLICK_SECONDS = 10.0  # longer than a start can take on a busy machine


def intent_key(action: str, request: Any) -> str:
    """The submit key for starting `request` now. The same request again within ten seconds counts as the same click.

    The key is stored before anything is submitted. A second click that arrives while the first is being handled
    (Streamlit runs them one after the other) therefore sends the same key.
    """
    digest = content_key(request)
    kept = recall(f"intent.{action}")
    if kept and kept[0] == digest and time.monotonic() - kept[2] < SAME_CLICK_SECONDS:
        return str(kept[1])
    key = uuid.uuid4().hex
    remember(f"intent.{action}", (digest, key, time.monotonic()))
    return key


def content_key(request: Any) -> str:
    """A short key for a request that can be written as JSON; the same for equal content."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:32]
