"""Writes package-lock.json: the packages that package.json names, and none of theirs.

Both are published with a complete bundle inside, which is all that the build takes from them. Their dependencies
would add 300 MB and half a minute to every build.
"""

import json
import subprocess
from pathlib import Path

WEB = Path(__file__).parent
DEPENDENCY_KEYS = {"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"}


def main() -> None:
    """Resolve the dependencies anew and keep the direct ones."""
    # The build takes npm from a wheel; whoever changes the dependencies has it, as anyone who works on web/ does.
    subprocess.run(["npm", "install", "--package-lock-only"], cwd=WEB, check=True)  # noqa: S607
    file = WEB / "package-lock.json"
    lock = json.loads(file.read_text(encoding="utf-8"))
    root = lock["packages"][""]
    direct = {f"node_modules/{name}" for name in root["dependencies"]}
    lock["packages"] = {"": root} | {
        name: {
            key: value
            for key, value in entry.items()
            if key not in DEPENDENCY_KEYS | {"resolved", "engines", "funding", "peerDependenciesMeta"}
        }
        for name, entry in lock["packages"].items()
        if name in direct
    }
    file.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
