"""Optional packages, imported where they are used."""

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

__all__ = ["check_installed", "needed"]


def needed(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package, or say which extra of ours installs it.

    Raises
    ------
    ImportError
        If it is not installed.

    Examples
    --------
    >>> needed("an_absent_package", "train", "saving weights")
    Traceback (most recent call last):
    ImportError: saving weights needs an_absent_package; install it with: pip install wengert[train]
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # it is there, and something that it needs itself is not
        raise ImportError(
            f"{purpose} needs {package.replace('sklearn', 'scikit-learn')}; "
            f"install it with: pip install wengert[{extra}]",
            name=package,
        ) from error


def check_installed(modules: Iterable[str], extra: str, purpose: str) -> None:
    """Raise the same error if one of several packages is not installed, without importing them, which takes longer."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            needed(module, extra, purpose)
