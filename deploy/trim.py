"""Remove from an environment what the gateway never reads: `python deploy/trim.py ENVIRONMENT`.

boto3 describes some 400 AWS services. Those that the gateway calls stay, and those that botocore calls for credentials.
"""

import shutil
import sys
from pathlib import Path

CALLED = {"bedrock", "bedrock-runtime", "sts"}
# A role of another account (sts), `aws sso login` (sso, sso-oidc), `aws login` (signin).
FOR_CREDENTIALS = {"sts", "sso", "sso-oidc", "signin"}
SERVICES = CALLED | FOR_CREDENTIALS
# Tables beside the folders of services: endpoints, partitions, retries, defaults.
TABLES = "*.json"
# The descriptions behind boto3.resource(), examples, and type stubs.
UNREAD = "boto3/data/*", "boto3/examples", "**/*.pyi"


def trim(environment: Path) -> int:
    """Remove what is not needed, and return its size in bytes. Raises SystemExit where a needed service is missing."""
    # A virtual environment has exactly one such folder.
    [packages] = environment.glob("lib/python3.*/site-packages")
    data = packages / "botocore/data"
    if missing := [name for name in sorted(SERVICES) if not (data / name).is_dir()]:
        sys.exit(f"trim: botocore has no description of {', '.join(missing)} in {data}")
    kept = {data / name for name in SERVICES} | set(data.glob(TABLES))
    unread = [path for path in data.iterdir() if path not in kept]
    unread += [path for pattern in UNREAD for path in packages.glob(pattern)]
    return sum(remove(path) for path in unread)


def remove(path: Path) -> int:
    """Remove a file or a folder, and return the size of its files in bytes."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return size


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python deploy/trim.py ENVIRONMENT")
    print(f"trimmed {trim(Path(sys.argv[1])) / 1e6:.1f} MB")
