"""In place of musicgen.runs.preload: there is no framework to load."""

import os
import time


def preload(device: str) -> None:
    time.sleep(float(os.environ.get("MUSICGEN_TEST_LOADING_SECONDS", "0")))
