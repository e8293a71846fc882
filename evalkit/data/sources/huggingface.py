"""Rows of a Hugging Face data set's parquet files: from a mirror, the package or the hub."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from evalkit.data.sources.parquet import parts
from evalkit.data.sources.table import Places, Table
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
"""Where parquet files lie in data sets of the hub, without and with subsets; the first layout that has files counts."""

SHARD = re.compile(r"-\d{5}-of-(\d{5})")


class HuggingFace(Value, frozen=True, kw_only=True, tag_field="kind", tag="huggingface"):
    """A data set of the hub at a revision; each of `subsets` becomes the pseudo column `subset`.

    files: globs of the parquet files in place of the usual layouts ("{subset}" and "{split}" are filled in). media:
    globs of files that rows refer to (zips of videos), fetched beside them. bundled: the data ships with the package.
    """

    path: str
    split: str
    revision: str = "main"
    subsets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    bundled: bool = False

    def open(self, places: Places) -> Table:
        """Find or fetch the files. Raises IncompleteError saying where it looked, or why the hub did not give them."""
        if self.bundled:
            root, revision = places.bundled / self.path, ""
        elif places.mirrors:
            root, revision = self._mirrored(places.mirrors), ""
        else:
            root = self._fetched(offline=places.offline)
            revision = root.name
        return parts(list(self._parts(root)), root=root, revision=revision, media_cache=places.media_cache)

    def _patterns(self, subset: str) -> tuple[str, ...]:
        layouts = self.files or LAYOUTS[bool(subset)]
        return tuple(pattern.replace("{subset}", subset).replace("{split}", self.split) for pattern in layouts)

    def _parts(self, root: Path) -> Iterator[tuple[Path, str]]:
        """The files of each subset in order. Raises IncompleteError where a subset has none, or lacks a shard."""
        for subset in self.subsets or ("",):
            patterns = self._patterns(subset)
            found = next(filter(None, (sorted(root.glob(pattern)) for pattern in patterns)), [])
            if not found:
                what = f"subset {subset!r} of {self.path}" if subset else self.path
                raise IncompleteError(
                    f"{what}: no parquet file of split {self.split!r} in {root}: {_options(patterns)}"
                )
            _whole(found)
            yield from ((path, subset) for path in found)

    def _mirrored(self, mirrors: tuple[Path, ...]) -> Path:
        roots = [mirror / self.path for mirror in mirrors]
        found = next((root for root in roots if root.is_dir()), None)
        if found is None:
            looked = ", ".join(str(root.absolute()) for root in roots)
            raise IncompleteError(f"{self.path}: not in the mirror: no folder {looked}; put the data set there")
        return found

    def _fetched(self, *, offline: bool) -> Path:
        """The folder of the snapshot, named by its commit."""
        from huggingface_hub import errors, snapshot_download

        patterns = [p for subset in self.subsets or ("",) for p in self._patterns(subset)]
        what = f"{self.path} at {self.revision}"
        # the hub's own error derives from OSError and from that of the HTTP client it happens to use
        unreachable = cast("tuple[type[Exception], ...]", errors.HfHubHTTPError.__bases__)
        try:
            folder = snapshot_download(
                self.path,
                repo_type="dataset",
                revision=self.revision,
                allow_patterns=[*patterns, *self.media],
                local_files_only=offline,
            )
        except errors.GatedRepoError as error:
            page = f"https://huggingface.co/datasets/{self.path}"
            raise IncompleteError(
                f"{what}: access is restricted; accept its terms at {page}, then `hf auth login`"
            ) from error
        except errors.RevisionNotFoundError as error:
            raise IncompleteError(f"{what}: the hub has no such revision; correct source.revision") from error
        except errors.RepositoryNotFoundError as error:
            raise IncompleteError(
                f"{what}: the hub has no such data set, or it is private; correct source.path or `hf auth login`"
            ) from error
        except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
            raise IncompleteError(
                f"{what}: offline, and not in the local cache; name a folder that has it by --data, or go online"
            ) from error
        except unreachable as error:
            raise ResumableError(f"{what}: the hub did not answer ({type(error).__name__}); try again later") from error
        return Path(folder)


def _whole(files: list[Path]) -> None:
    """Raises IncompleteError when names such as test-00001-of-00003 tell that shards are missing."""
    shards = Counter((path.parent, SHARD.sub("", path.name)) for path in files)
    for path in files:
        told, there = SHARD.search(path.name), shards[path.parent, SHARD.sub("", path.name)]
        if told and int(told[1]) != there:
            raise IncompleteError(f"{path}: {there} of {int(told[1])} files are there; fetch the others")


def _options(patterns: tuple[str, ...]) -> str:
    return "it needs one of " + ", ".join(patterns)
