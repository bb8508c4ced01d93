"""A double click is one intention: what makes two clicks on a start button one task, and two wishes two."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import Any

from pages.ui.state import recall, remember

SAME_CLICK_SECONDS = 10.0  # longer than a start can take on a busy machine


def intent_key(action: str, request: Any) -> str:
    """The submit key of starting `request` now. The same request again within ten seconds is the same click.

    The key is kept before anything is submitted, so a second click that arrives while the first is being
    handled (Streamlit runs them one after the other) sends the same key.
    """
    digest = content_key(request)
    kept = recall(f"intent.{action}")
    if kept and kept[0] == digest and time.monotonic() - kept[2] < SAME_CLICK_SECONDS:
        return str(kept[1])
    key = uuid.uuid4().hex
    remember(f"intent.{action}", (digest, key, time.monotonic()))
    return key


def content_key(request: Any) -> str:
    """A short name of a JSON-able request, equal for equal content."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:32]
