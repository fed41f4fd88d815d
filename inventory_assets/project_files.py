"""The files that Dagster and dbt read: `workspace.yaml`, `deploy/dagster.yaml`, `dbt_project/`.

In a checkout they are at its top, beside the packages. A wheel has them inside
the package: `setup.py` puts them there.
"""

from importlib.resources import files
from pathlib import Path


def project_dir() -> Path:
    """The folder that holds them."""
    package = Path(str(files("inventory_assets")))
    packaged = package / "project"
    return packaged if packaged.is_dir() else package.parent
