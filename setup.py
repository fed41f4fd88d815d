"""What a wheel needs beyond the packages: the files that Dagster and dbt read, which a checkout has at its top."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PROJECT = ("workspace.yaml", "deploy/dagster.yaml", "dbt_project")


class BuildWithProject(build_py):
    """Copies them to `inventory_assets/project`, where `inventory_assets.project_files` looks first."""

    def run(self) -> None:
        """Build; an editable install reads the checkout itself."""
        super().run()
        if self.editable_mode:
            return
        for name in PROJECT:
            source, target = Path(name), Path(self.build_lib, "inventory_assets", "project", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                made_by_dbt = shutil.ignore_patterns("target", "logs", "__pycache__")
                shutil.copytree(source, target, ignore=made_by_dbt, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithProject})
