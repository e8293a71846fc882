"""Write the mini suite: python -m tools.pocket_vlm.suite [--out evalkit/assets/data/evalkit]

The bytes depend on the seeds below alone. Training draws from seeds of ten million and above, and refuses any
picture whose pixels are in the suite (see `suite_fingerprints`).
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
from PIL import Image

from tools.pocket_vlm.pixels import fingerprint
from tools.pocket_vlm.suite_multi import write_blink, write_mmmu
from tools.pocket_vlm.suite_single import write_mmbench, write_pope, write_textvqa
from tools.pocket_vlm.suite_video import write_videomme

OUT = Path("evalkit/assets/data/evalkit")
WRITERS = {
    "mini-mmmu": (write_mmmu, 101),
    "mini-mmbench": (write_mmbench, 202),
    "mini-blink": (write_blink, 303),
    "mini-videomme": (write_videomme, 404),
    "mini-textvqa": (write_textvqa, 505),
    "mini-pope": (write_pope, 606),
}


def write_suite(out: Path) -> None:
    """Replace all mini benchmarks under `out`."""
    for name, (write, seed) in WRITERS.items():
        shutil.rmtree(out / name, ignore_errors=True)
        write(out / name, rng=Random(seed))
        size = sum(path.stat().st_size for path in (out / name).rglob("*") if path.is_file())
        print(f"{name}: {size / 1e6:.2f} MB")


def suite_fingerprints(out: Path = OUT) -> set[str]:
    """Hashes of all still pictures of the suite."""
    return {fingerprint(image) for image in _still_pictures(out)}


def _still_pictures(out: Path) -> Iterator[Image.Image]:
    for path in sorted(out.rglob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            for value in row.values():
                if isinstance(value, dict) and value.get("bytes"):
                    yield Image.open(io.BytesIO(value["bytes"])).convert("RGB")
    csv.field_size_limit(sys.maxsize)
    for path in sorted(out.rglob("*.tsv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if len(row["image"]) > 64:
                    yield Image.open(io.BytesIO(base64.b64decode(row["image"]))).convert("RGB")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    write_suite(parser.parse_args().out)


if __name__ == "__main__":
    main()
