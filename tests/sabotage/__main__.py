"""Remove each defence in a copy of the code and see its tests fail: `make sabotage [ARGS="words of a name"]`."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from defences import ROOT, Defence, read

RED, GREEN, BROKEN = "red", "STAYS GREEN", "BROKEN"


def copied(to: Path) -> Path:
    """Copy the checkout, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    # The name under which setup.cfg installs the built-in plugins; without it the installed ones would be tested.
    (to / "bedrock_flask_plugins").symlink_to("plugins")
    return to


def run(tests: list[str], copy: Path) -> tuple[int, str]:
    """Run some tests in the copy: pytest's exit code and output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def without(defence: Defence, copy: Path) -> str:
    """How its tests fare in the copy without the defence."""
    file = copy / defence.file
    whole = file.read_text("utf-8")
    file.write_text(whole.replace(defence.old, defence.new, 1), "utf-8")
    try:
        code, result = run(defence.tests, copy)
    finally:
        file.write_text(whole, "utf-8")
    # A test that could not even begin, or code that cannot be imported, proves nothing.
    if code == 1 and re.search(r"\d+ failed", result):
        return RED
    return GREEN if code == 0 else f"{BROKEN}\n{result[-2000:]}"


def main(words: list[str]) -> int:
    """The exit code: 0 when every defence is seen."""
    chosen = [each for each in read() if all(word.lower() in f"{each.area}: {each.name}".lower() for word in words)]
    if not chosen:
        print(f"No defence has all these words: {' '.join(words)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        copy = copied(Path(folder))
        code, result = run(sorted({test for each in chosen for test in each.tests}), copy)
        if code:
            print(f"{result}\nThese tests fail already, with every defence in its place.", file=sys.stderr)
            return 1
        unseen = 0
        for each in chosen:
            began = time.monotonic()
            how = without(each, copy)
            unseen += how != RED
            print(f"{time.monotonic() - began:5.1f} s  {each.area}: {each.name}: {how}", flush=True)
    print(f"{len(chosen)} defences, {unseen} of them unseen when they are gone")
    return 1 if unseen else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
