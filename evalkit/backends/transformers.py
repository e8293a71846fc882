"""Any image-text-to-text checkpoint of transformers: one processor call per request, one `generate` per batch."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

from evalkit import digest
from evalkit.backends import checkpoint_files, shared_prefix
from evalkit.backends.chat import control_tokens, converse, process
from evalkit.backends.engine import Engine, Prefix, SharePrefix, sharing_state
from evalkit.backends.image_features import placed
from evalkit.backends.media_cache import Shown, remember_pixels
from evalkit.backends.sampling import Gumbel, StopStrings, cut, reply_length
from evalkit.errors import ModelError, OutOfMemoryError
from evalkit.types import Request, Response, Value

if TYPE_CHECKING:
    import torch


class Transformers(Value, frozen=True, kw_only=True, tag_field="kind", tag="transformers"):
    """A checkpoint and how it is run.

    model: a folder, a hub id, or `evalkit:NAME` for one shipped with the package. revision: a commit of the hub.
    video: a video goes in as several pictures (`frames`) or, where the family takes one, as a video. system: a system
    turn for requests without one. chat_template: a Jinja file that replaces the checkpoint's. Code of a checkpoint
    never runs, and only safetensors are read.
    """

    recorded: ClassVar[bool] = False
    generates: ClassVar[bool] = True

    model: str
    revision: str = ""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    video: Literal["frames", "video"] = "frames"
    system: str = ""
    chat_template: str = ""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """Settings with the checkpoint's content in place of its location; `cache` remembers digests of big files."""
        found = checkpoint_files.locate(self.model, self.revision)
        content: dict[str, object] = {"model": found.name, "revision": found.revision}
        if found.folder:
            content = {"weights": checkpoint_files.fingerprint(Path(found.folder), cache=cache)}
        template = digest.of(self._template()) if self.chat_template else ""
        settings = {"dtype": self.dtype, "attention": self.attention, "video": self.video, "system": self.system}
        return {"kind": "transformers", **content, **settings, "chat_template": template}

    def check(self) -> None:
        """Look at a folder's files; those of the hub are checked as they are downloaded. Raises ModelError."""
        found = checkpoint_files.locate(self.model, self.revision)
        if found.folder:
            checkpoint_files.check(Path(found.folder))
        if self.chat_template:
            self._template()

    def load(self, *, device: str = "") -> Engine[ProcessedPrompt]:
        """Read the weights onto `device` ("cpu", "cuda:1", "npu:0", ...; empty: accelerate's choice)."""
        from evalkit.backends import load
        from evalkit.backends.device import choose, settle_threads

        self.check()
        place = choose(device)
        found = checkpoint_files.locate(self.model, self.revision)
        processor = load.read_processor(found)
        if self.chat_template:
            processor.chat_template = self._template()
        if not processor.chat_template:
            raise ModelError(
                f"{self.model}: the checkpoint has no chat template; name a Jinja file in backend.chat_template"
            )
        model = load.read_model(found, dtype=self.dtype, attention=self.attention, device=place)
        settle_threads(model.num_parameters(), place)
        return TransformersEngine(self, model, processor)

    def _template(self) -> str:
        try:
            return Path(self.chat_template).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                f"backend.chat_template: {self.chat_template} cannot be read ({type(error).__name__}); name a file"
            ) from error


class ProcessedPrompt(NamedTuple):
    """A request as tensors on the CPU; `tokens` is the prompt's length with its pictures expanded.

    `prefix` is the part of it that questions on the same media share; None where nothing is to be shared.
    """

    request: Request
    inputs: Mapping[str, torch.Tensor]
    tokens: int
    frames: tuple[tuple[int, ...], ...]
    prefix: Prefix | None = None


Reply: TypeAlias = Callable[[Sequence[ProcessedPrompt]], list[Response]]


class TransformersEngine:
    """A loaded model and its processor."""

    opens_media = True

    def __init__(self, spec: Transformers, model: Any, processor: Any) -> None:
        from evalkit.backends.load import end_tokens, plain_generation

        self.spec, self.model, self.processor, self.tokenizer = spec, model, processor, processor.tokenizer
        # What generate() would otherwise merge into every call: the checkpoint's temperature, penalties and beams.
        model.generation_config = plain_generation(model, self.tokenizer)
        self.end = end_tokens(model.generation_config)
        self.control = control_tokens(processor)
        # Compiled tokenizers may encode on many threads once padding is off, which the first call settles; those
        # written in Python keep state while they encode.
        self.tokenizer("ready", padding=False)
        self.shown = Shown()
        remember_pixels(processor)
        self.sharing = not self._obstacle()
        self.guard = contextlib.nullcontext() if self.tokenizer.is_fast else threading.Lock()

    def describe(self) -> Mapping[str, str]:
        """Device and dtype of the weights, and the class that turns pictures into pixels."""
        pictures = type(getattr(self.processor, "image_processor", None)).__name__
        dtype = str(self.model.dtype).removeprefix("torch.")
        return {"device": str(self.model.device), "dtype": dtype, "image_processor": pictures}

    def share_prefixes(self, choice: SharePrefix) -> str:
        """Whether prefills are shared from now on; engines start with `auto`. Raises ModelError where "on" is wrong."""
        said = sharing_state(choice, self._obstacle(choice))
        self.sharing = said == "on"
        return said

    def _obstacle(self, choice: SharePrefix = "auto") -> str:
        return shared_prefix.unsound(self.model) or (shared_prefix.unproven(self.model) if choice == "auto" else "")

    def prepare(self, request: Request) -> ProcessedPrompt:
        """Decode media and run the processor on this one request. Raises MediaError, or ModelError on its prompt."""
        asked = converse(request, system=self.spec.system, as_frames=self.spec.video == "frames", shown=self.shown)
        with self.guard:
            inputs = process(self.processor, asked, self.control)
        prefix = shared_prefix.media_prefix(request, inputs, self.model.config.image_token_id) if self.sharing else None
        return ProcessedPrompt(request, inputs, inputs["input_ids"].shape[1], asked.frames, prefix)

    def generate(self, batch: Sequence[ProcessedPrompt]) -> Sequence[Response]:
        """Replies in the order of `batch`, whose requests must ask for the same generation.

        Families with tensors that cannot be joined run one by one. Raises OutOfMemoryError.
        """
        from evalkit.backends.device import is_out_of_memory

        if len({prompt.request.generation for prompt in batch}) > 1:
            raise ValueError("a batch mixes requests with different generation settings; plan them apart")
        replies: dict[int, Response] = {}
        try:
            for group, reply in self._groups(batch):
                replies |= zip(group, reply([batch[n] for n in group]), strict=True)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(str(error)) from error
            raise
        return [replies[n] for n in range(len(batch))]

    def _groups(self, batch: Sequence[ProcessedPrompt]) -> Iterator[tuple[list[int], Reply]]:
        """Places in the batch that run together, and how: with shared prefills, plainly, or one by one."""
        from evalkit.backends.collate import joinable

        together = shared_prefix.shared([prompt.prefix for prompt in batch])
        rest = [n for n in range(len(batch)) if n not in set(together)]
        joint = all(joinable(batch[n].inputs) for n in rest)
        if together:
            yield together, self._shared
        for group in [rest][: len(rest)] if joint else [[n] for n in rest]:
            yield group, self._plain

    def _shared(self, batch: Sequence[ProcessedPrompt]) -> list[Response]:
        import torch

        begin = time.perf_counter()
        asked = batch[0].request.generation
        draw = Gumbel(asked, [prompt.request.key for prompt in batch]) if asked.temperature > 0 else None
        stop = StopStrings(asked.stop, self.tokenizer, prompt=0, count=len(batch)) if asked.stop else None
        with torch.inference_mode():
            rows = shared_prefix.extend(
                self.model,
                [prompt.inputs for prompt in batch],
                [prompt.prefix for prompt in batch if prompt.prefix],
                new=asked.max_new_tokens,
                ends=self.end,
                pad=self.model.generation_config.pad_token_id,
                draw=draw,
                stop=stop,
            )
        return self._responses(batch, rows, stop, begin)

    def _plain(self, batch: Sequence[ProcessedPrompt]) -> list[Response]:
        import torch

        from evalkit.backends.collate import collate

        begin = time.perf_counter()
        inputs = collate([prompt.inputs for prompt in batch], self.model.generation_config.pad_token_id)
        length = inputs["input_ids"].shape[1]
        rules = self._rules(batch, length)
        with torch.inference_mode():
            rows = self.model.generate(**placed(self.model, inputs), **rules)[:, length:].tolist()
        return self._responses(batch, rows, next(iter(rules["stopping_criteria"]), None), begin)

    def _responses(
        self, batch: Sequence[ProcessedPrompt], rows: Sequence[list[int]], stop: StopStrings | None, begin: float
    ) -> list[Response]:
        stopped = stop.lengths if stop else [None] * len(batch)
        seconds = (time.perf_counter() - begin) / len(batch)
        return [self._response(p, row, s, seconds) for p, row, s in zip(batch, rows, stopped, strict=True)]

    def _rules(self, batch: Sequence[ProcessedPrompt], length: int) -> dict[str, Any]:
        asked = batch[0].request.generation
        config = copy.copy(self.model.generation_config)
        config.max_new_tokens = asked.max_new_tokens
        draw = [Gumbel(asked, [prompt.request.key for prompt in batch])] if asked.temperature > 0 else []
        stop = [StopStrings(asked.stop, self.tokenizer, prompt=length, count=len(batch))] if asked.stop else []
        return {"generation_config": config, "logits_processor": draw, "stopping_criteria": stop}

    def _response(self, prompt: ProcessedPrompt, row: list[int], stopped: int | None, seconds: float) -> Response:
        count, ended = reply_length(row, self.end, stopped)
        text = self.tokenizer.decode(row[:count], skip_special_tokens=True)
        return Response(
            key=prompt.request.key,
            text=cut(text, prompt.request.generation.stop),
            finish="stop" if ended else "length",
            tokens=count,
            seconds=seconds,
            usage={"prompt_tokens": prompt.tokens},
            frames=prompt.frames,
        )
