"""The default places of data and media."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.media.cache import MediaCache
from evalkit.registry import catalog

BUNDLED = catalog.PACKAGE / "assets" / "data"


def default_cache() -> Path:
    """The default folder of cached media and digests; no environment variable is read.

    Raises EvalkitError where the user has no home folder.
    """
    try:
        return Path.home() / ".cache" / "evalkit"
    except RuntimeError as error:
        raise EvalkitError("there is no home folder for the media cache; name a folder for it") from error


def default_places(
    *, data: Iterable[str | Path] = (), cache: str | Path | None = None, offline: bool = False
) -> DataPlaces:
    """Local copies of data sets in `data`, the package's own data, and the media cache below `cache`."""
    return DataPlaces(
        media_cache=MediaCache((default_cache() if cache is None else Path(cache)) / "media"),
        bundled=BUNDLED,
        mirrors=tuple(map(Path, data)),
        offline=offline,
    )
