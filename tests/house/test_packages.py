"""setup.cfg lists every package of the tree: a package that is missing from the list is missing from the wheel."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def find_packages(top: str, package: str) -> set[str]:
    """Return the package names of all folders with Python files below `top`, which is shipped as `package`."""
    folders = {path.parent.relative_to(ROOT / top) for path in (ROOT / top).rglob("*.py")}
    return {".".join((package, *folder.parts)) for folder in folders}


def test_setup_cfg_lists_every_folder_that_holds_python():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = config["options"]["packages"].split()

    tree = find_packages("bedrock_flask", "bedrock_flask")
    tree |= find_packages("plugins", "bedrock_flask_plugins")

    assert set(listed) == tree
    assert len(listed) == len(set(listed))
