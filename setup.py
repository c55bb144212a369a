"""Let wheels carry a copy of config/schema.yaml; in a checkout it is read where it is."""

from pathlib import Path
from shutil import copy

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSchema(build_py):
    """Copies the schema beside the module that reads it, but not into the checkout."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            copy("config/schema.yaml", Path(self.build_lib, "nearopt/report"))


setup(cmdclass={"build_py": BuildWithSchema})
