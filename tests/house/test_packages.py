"""The list of packages in setup.cfg is the tree: what is missing from it would be missing from the wheel."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def folders_with_python(top: str, package: str) -> set[str]:
    """The package names of all folders with Python files under `top`, which is shipped as `package`."""
    folders = {path.parent.relative_to(ROOT / top) for path in (ROOT / top).rglob("*.py")}
    return {".".join((package, *folder.parts)) for folder in folders}


def test_setup_cfg_lists_every_folder_that_holds_python():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = config["options"]["packages"].split()

    tree = folders_with_python("bedrock_flask", "bedrock_flask")
    tree |= folders_with_python("plugins", "bedrock_flask_plugins")

    assert set(listed) == tree
    assert len(listed) == len(set(listed))
