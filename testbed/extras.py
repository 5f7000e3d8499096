"""A library that is not installed -> a clear error that names the extra which brings it."""

import importlib.util

from radiosem.errors import RadiosemError


def require(what: str, extra: str, *modules: str) -> None:
    """Raise RadiosemError unless every module that `what` needs beyond the core is installed."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise RadiosemError(
            f"{what} needs {', '.join(missing)}, which is not installed here; `make install EXTRA={extra}` brings it"
        )
