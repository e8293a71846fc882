"""Rows of the parquet files of a Hugging Face data set, in a local copy, in the package or on the hub."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from evalkit.data.sources.parquet import shards_table
from evalkit.data.sources.table import DataPlaces, DataTable
from evalkit.errors import IncompleteError, ResumableError
from evalkit.types import Value

LAYOUTS = {
    False: (
        "data/{split}-*.parquet",
        "{split}-*.parquet",
        "{split}/*.parquet",
        "data/{split}.parquet",
        "{split}.parquet",
    ),
    True: (
        "{subset}/{split}-*.parquet",
        "{subset}/{split}/*.parquet",
        "{subset}/{split}.parquet",
        "data/{subset}/{split}-*.parquet",
    ),
}
"""Patterns of parquet files, for data sets with subsets (True) and without; the first that matches is used."""

SHARD = re.compile(r"-\d{5}-of-(\d{5})")


class HuggingFace(Value, frozen=True, kw_only=True, tag_field="kind", tag="huggingface"):
    """A data set of the hub at a revision; where `subsets` are named, each row has a pseudo column `subset`.

    files: globs of the parquet files in place of `LAYOUTS` ("{subset}" and "{split}" are filled in). media: globs of
    files that rows refer to (zips of videos), downloaded with them. bundled: the package contains the data.
    """

    path: str
    split: str
    revision: str = "main"
    subsets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    bundled: bool = False

    def open(self, places: DataPlaces) -> DataTable:
        """Find the files or download them. Raises IncompleteError for missing ones, ResumableError from the hub."""
        if self.bundled:
            root, revision = places.bundled / self.path, ""
        elif places.mirrors:
            root, revision = self._mirror_folder(places.mirrors), ""
        else:
            root = self._download(offline=places.offline)
            revision = root.name  # a snapshot's folder has the name of its commit
        return shards_table(list(self._shards(root)), root=root, revision=revision, media_cache=places.media_cache)

    def _patterns(self, subset: str) -> tuple[str, ...]:
        layouts = self.files or LAYOUTS[bool(subset)]
        return tuple(pattern.replace("{subset}", subset).replace("{split}", self.split) for pattern in layouts)

    def _shards(self, root: Path) -> Iterator[tuple[Path, str]]:
        """The files of each subset in order. Raises IncompleteError where a subset has none, or lacks a shard."""
        for subset in self.subsets or ("",):
            patterns = self._patterns(subset)
            files = next(filter(None, (sorted(root.glob(pattern)) for pattern in patterns)), [])
            if not files:
                what = f"subset {subset!r} of {self.path}" if subset else self.path
                raise IncompleteError(
                    f"{what}: no parquet file of split {self.split!r} in {root}; put one there that matches one of "
                    f"{', '.join(patterns)}"
                )
            _check_shards(files)
            yield from ((path, subset) for path in files)

    def _mirror_folder(self, mirrors: tuple[Path, ...]) -> Path:
        folders = [mirror / self.path for mirror in mirrors]
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is None:
            names = ", ".join(str(folder.absolute()) for folder in folders)
            raise IncompleteError(f"{self.path}: not in the mirror: no folder {names}; put the data set there")
        return folder

    def _download(self, *, offline: bool) -> Path:
        """The folder of the snapshot. Raises IncompleteError or ResumableError, without the hub's own text."""
        from huggingface_hub import errors, snapshot_download

        patterns = [pattern for subset in self.subsets or ("",) for pattern in self._patterns(subset)]
        # HfHubHTTPError derives from OSError and from the error of an HTTP client, which differs between versions
        base_errors = cast("tuple[type[Exception], ...]", errors.HfHubHTTPError.__bases__)
        try:
            folder = snapshot_download(
                self.path,
                repo_type="dataset",
                revision=self.revision,
                allow_patterns=[*patterns, *self.media],
                local_files_only=offline,
            )
        except base_errors as error:
            what = f"{self.path} at {self.revision}"
            reason = self._refusal(error)
            if reason:
                raise IncompleteError(f"{what}: {reason}") from error
            raise ResumableError(f"{what}: the hub did not answer ({type(error).__name__}); try again later") from error
        return Path(folder)

    def _refusal(self, error: Exception) -> str:
        """The reason why trying again would not help, and what to do; "" where it may help."""
        from huggingface_hub import errors

        if isinstance(error, errors.GatedRepoError):
            page = f"https://huggingface.co/datasets/{self.path}"
            return f"access is restricted; accept its terms at {page}, then `hf auth login`"
        if isinstance(error, errors.RevisionNotFoundError):
            return "the hub has no such revision; correct source.revision"
        if isinstance(error, errors.RepositoryNotFoundError):
            return "the hub has no such data set, or it is private; correct source.path or `hf auth login`"
        if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled):
            return "offline, and not in the local cache; name a folder that has it by --data, or go online"
        return ""


def _check_shards(files: list[Path]) -> None:
    """Raise IncompleteError where a name such as test-00001-of-00003 counts more files than there are."""
    counts = Counter((path.parent, SHARD.sub("", path.name)) for path in files)
    for path in files:
        match, count = SHARD.search(path.name), counts[path.parent, SHARD.sub("", path.name)]
        if match and int(match[1]) != count:
            raise IncompleteError(f"{path}: {count} of {int(match[1])} files are there; fetch the others")
