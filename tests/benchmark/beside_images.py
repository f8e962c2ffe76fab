"""Paced streams while a 5 MB image comes twenty times a second: whether large bodies hold small events up."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass

from tests.benchmark.held import CHAT, Level, measure_level
from tests.benchmark.image_sender import RATE
from tests.benchmark.paced import RAMP
from tests.benchmark.processes import OTHERS, ROOT, SECRET, Server, Upstream, pin


@dataclass(frozen=True)
class BesideImages:
    """The streams, and the images: how many were answered a second, in how many milliseconds, and how many were not."""

    level: Level
    images: float
    p50: float
    refused: int


def measure_beside_images(name: str, server: Server, upstream: Upstream, count: int, seconds: float) -> BesideImages:
    """Open the streams, and send the images as long as they last."""
    lasting = RAMP + seconds
    arguments = [str(server.address[1]), SECRET, str(2 * lasting)]
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmark.image_sender", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pin(sender.pid, OTHERS)
    level = measure_level(name, server, upstream, count, seconds, CHAT)
    output, _ = sender.communicate(timeout=600)
    answers = json.loads(output)
    # By number, because each began at its time; the last to be answered ends the run.
    took = {number: each for number, each in enumerate(answers) if each is not None}
    ended = max((number / RATE + each for number, each in took.items()), default=1)
    middle = statistics.median(took.values()) if took else 0
    return BesideImages(level, round(len(took) / ended, 1), round(middle * 1e3, 1), len(answers) - len(took))
