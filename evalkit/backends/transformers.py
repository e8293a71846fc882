"""Any image-text-to-text checkpoint of transformers: one processor call per request, one `generate` per batch."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

import msgspec

from evalkit import digest
from evalkit.backends import checkpoint_files, families, shared_prefix
from evalkit.backends.chat import control_tokens, open_conversation, process, read_template
from evalkit.backends.engine import Engine, Prefix, SharePrefix, sharing_state
from evalkit.backends.image_features import device_inputs
from evalkit.backends.recent_media import RecentMedia, cache_pixels
from evalkit.backends.sampling import StopStringCriteria, cut_at_stop, reply_length, sampler_of, stop_criteria_of
from evalkit.errors import ModelError, OutOfMemoryError
from evalkit.types import Request, Response, Value

if TYPE_CHECKING:
    import torch


class Transformers(Value, frozen=True, kw_only=True, tag_field="kind", tag="transformers"):
    """A checkpoint and how it is run.

    model: a folder, a hub id, or `evalkit:NAME` for one shipped with the package. revision: a commit of the hub.
    video: the model gets a video as images (`frames`) or, where its family takes videos, as a `video`. system: a system
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
        """The settings, with the digest of a local checkpoint's content in place of its folder."""
        content = checkpoint_files.locate(self.model, self.revision).identity(cache=cache)
        template = digest.of(read_template(self.chat_template)) if self.chat_template else ""
        settings = {"dtype": self.dtype, "attention": self.attention, "video": self.video, "system": self.system}
        return {"kind": "transformers", **content, **settings, "chat_template": template}

    def check(self) -> None:
        """Look at a folder's files; those of the hub are checked as they are downloaded. Raises ModelError."""
        checkpoint = checkpoint_files.locate(self.model, self.revision)
        if checkpoint.folder:
            checkpoint_files.check(Path(checkpoint.folder))
        families.refuse_native(checkpoint.folder or checkpoint.name, checkpoint.revision)
        if self.chat_template:
            read_template(self.chat_template)

    def with_absolute_paths(self, folder_of: Callable[[str], Path]) -> Transformers:
        """As in `BackendProtocol`; the fields `model` and `chat_template` are paths."""
        model = checkpoint_files.model_beside(self.model, folder_of("model"))
        template = checkpoint_files.path_beside(self.chat_template, folder_of("chat_template"))
        return msgspec.structs.replace(self, model=model, chat_template=template)

    def load(self, *, device: str = "") -> Engine[ProcessedPrompt]:
        """Read the weights onto `device` ("cpu", "cuda:1", "npu:0", ...; empty: accelerate's choice)."""
        from evalkit.backends import load
        from evalkit.backends.device import choose, settle_threads

        self.check()
        target = choose(device)
        checkpoint = checkpoint_files.locate(self.model, self.revision)
        processor = load.read_processor(checkpoint)
        if self.chat_template:
            processor.chat_template = read_template(self.chat_template)
        if not processor.chat_template:
            raise ModelError(
                f"{self.model}: the checkpoint has no chat template; name a Jinja file in backend.chat_template"
            )
        model = load.read_model(checkpoint, dtype=self.dtype, attention=self.attention, device=target)
        settle_threads(model.num_parameters(), target)
        return TransformersEngine(self, model, processor)


class ProcessedPrompt(NamedTuple):
    """A request as the processor's tensors on the CPU; `tokens` is the length of its `input_ids`.

    `prefix` ends with the last image; None where it is not to be shared.
    """

    request: Request
    inputs: Mapping[str, torch.Tensor]
    tokens: int
    frames: tuple[tuple[int, ...], ...]
    prefix: Prefix | None = None


Generate: TypeAlias = Callable[[Sequence[ProcessedPrompt]], list[Response]]


class TransformersEngine:
    """A loaded model and its processor."""

    opens_media = True

    def __init__(self, spec: Transformers, model: Any, processor: Any) -> None:
        from evalkit.backends.load import end_tokens, plain_generation

        self.spec, self.model, self.processor, self.tokenizer = spec, model, processor, processor.tokenizer
        # generate() would otherwise merge the checkpoint's temperature, penalties and beams into every call.
        model.generation_config = plain_generation(model, self.tokenizer)
        self.ends = end_tokens(model.generation_config)
        self.control = control_tokens(processor)
        # A compiled tokenizer may encode on many threads once padding is off, which this first call makes sure of; one
        # written in Python has state while it encodes, and is used by one thread at a time.
        self.tokenizer("ready", padding=False)
        self.tokenizer_lock = contextlib.nullcontext() if self.tokenizer.is_fast else threading.Lock()
        self.media = RecentMedia()
        cache_pixels(processor)
        self.sharing = not self._obstacle()

    def describe(self) -> Mapping[str, str]:
        """Device and dtype of the weights, and the class of the image processor."""
        image_processor = type(getattr(self.processor, "image_processor", None)).__name__
        dtype = str(self.model.dtype).removeprefix("torch.")
        return {"device": str(self.model.device), "dtype": dtype, "image_processor": image_processor}

    def share_prefixes(self, choice: SharePrefix) -> str:
        """Share prefixes from now on, or not; return "on" or "off (reason)". A new engine follows `auto`.

        Raises ModelError where "on" would change replies.
        """
        state = sharing_state(choice, self._obstacle(choice))
        self.sharing = state == "on"
        return state

    def _obstacle(self, choice: SharePrefix = "auto") -> str:
        return shared_prefix.unsound_reason(self.model) or (
            shared_prefix.unproven_reason(self.model) if choice == "auto" else ""
        )

    def prepare(self, request: Request) -> ProcessedPrompt:
        """Open the media of a request and run the processor on it. Raises MediaError, or ModelError on its prompt."""
        frames = self.spec.video == "frames"
        conversation = open_conversation(request, system=self.spec.system, video_as_frames=frames, media=self.media)
        with self.tokenizer_lock:
            inputs = process(self.processor, conversation, self.control)
        prefix = shared_prefix.image_prefix(request, inputs, self.model.config.image_token_id) if self.sharing else None
        return ProcessedPrompt(request, inputs, inputs["input_ids"].shape[1], conversation.frames, prefix)

    def generate(self, batch: Sequence[ProcessedPrompt]) -> Sequence[Response]:
        """Replies in the order of `batch`, whose requests must have equal generation settings.

        Prompts with inputs that cannot be collated run one by one. Raises OutOfMemoryError.
        """
        from evalkit.backends.device import is_out_of_memory

        if len({prompt.request.generation for prompt in batch}) > 1:
            raise ValueError("a batch mixes requests with different generation settings; plan them apart")
        replies: dict[int, Response] = {}
        try:
            for rows, generate in self._groups(batch):
                replies |= zip(rows, generate([batch[n] for n in rows]), strict=True)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(str(error)) from error
            raise
        return [replies[n] for n in range(len(batch))]

    def _groups(self, batch: Sequence[ProcessedPrompt]) -> Iterator[tuple[list[int], Generate]]:
        """Rows of the batch that run together, and the method that runs them."""
        from evalkit.backends.collate import can_collate

        sharing = shared_prefix.sharing_rows([prompt.prefix for prompt in batch])
        rest = [n for n in range(len(batch)) if n not in set(sharing)]
        if sharing:
            yield sharing, self._generate_shared
        joint = all(can_collate(batch[n].inputs) for n in rest)
        for rows in [rest][: len(rest)] if joint else [[n] for n in rest]:
            yield rows, self._generate

    def _generate_shared(self, batch: Sequence[ProcessedPrompt]) -> list[Response]:
        import torch

        begin = time.perf_counter()
        generation = batch[0].request.generation
        sampler = sampler_of(generation, [prompt.request.key for prompt in batch])
        stop = stop_criteria_of(generation, self.tokenizer, prompt=0, count=len(batch))
        with torch.inference_mode():
            rows = shared_prefix.generate_with_prefixes(
                self.model,
                [prompt.inputs for prompt in batch],
                [prompt.prefix for prompt in batch if prompt.prefix],
                max_new_tokens=generation.max_new_tokens,
                ends=self.ends,
                pad=self.model.generation_config.pad_token_id,
                sampler=sampler,
                stop=stop,
            )
        return self._responses(batch, rows, stop, begin)

    def _generate(self, batch: Sequence[ProcessedPrompt]) -> list[Response]:
        import torch

        from evalkit.backends.collate import collate

        begin = time.perf_counter()
        inputs = collate([prompt.inputs for prompt in batch], self.model.generation_config.pad_token_id)
        length = inputs["input_ids"].shape[1]
        generation = batch[0].request.generation
        sampler = sampler_of(generation, [prompt.request.key for prompt in batch])
        stop = stop_criteria_of(generation, self.tokenizer, prompt=length, count=len(batch))
        config = copy.copy(self.model.generation_config)
        config.max_new_tokens = generation.max_new_tokens
        with torch.inference_mode():
            tokens = self.model.generate(
                **device_inputs(self.model, inputs),
                generation_config=config,
                logits_processor=[sampler] if sampler else [],
                stopping_criteria=[stop] if stop else [],
            )
        return self._responses(batch, tokens[:, length:].tolist(), stop, begin)

    def _responses(
        self, batch: Sequence[ProcessedPrompt], rows: Sequence[list[int]], stop: StopStringCriteria | None, begin: float
    ) -> list[Response]:
        stopped = stop.lengths if stop else [None] * len(batch)
        seconds = (time.perf_counter() - begin) / len(batch)
        return [self._response(p, row, s, seconds) for p, row, s in zip(batch, rows, stopped, strict=True)]

    def _response(self, prompt: ProcessedPrompt, row: list[int], stopped: int | None, seconds: float) -> Response:
        count, ended = reply_length(row, self.ends, stopped)
        text = self.tokenizer.decode(row[:count], skip_special_tokens=True)
        return Response(
            key=prompt.request.key,
            text=cut_at_stop(text, prompt.request.generation.stop),
            finish="stop" if ended else "length",
            tokens=count,
            seconds=seconds,
            usage={"prompt_tokens": prompt.tokens},
            frames=prompt.frames,
        )
