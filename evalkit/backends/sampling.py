"""From tokens to a reply: greedy or reproducibly sampled, ended by the model, by a stop string or by the limit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit.types import Generation

if TYPE_CHECKING:
    import torch

# A character takes at most four bytes, and a token holds at least one byte. The margin covers a character in front of
# the stop string of which the first token holds only the last bytes.
TOKENS_PER_CHARACTER, MARGIN = 4, 4

LogitsProcessor: TypeAlias = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""(tokens so far [batch, n], logits [batch, vocabulary]) -> logits of which the argmax is the next token."""
StoppingCriterion: TypeAlias = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""(tokens so far [batch, n], logits [batch, vocabulary]) -> booleans [batch], true for rows that are done."""


def generation_loop(
    logits: Callable[[torch.Tensor], torch.Tensor],
    tokens: torch.Tensor,
    *,
    max_new_tokens: int,
    ends: Collection[int],
    sampler: LogitsProcessor | None = None,
    stop: StoppingCriterion | None = None,
) -> list[list[int]]:
    """Return `tokens` [batch, n] with up to `max_new_tokens` generated ones behind them, as a list for each row.

    `logits` maps the tokens so far to logits [batch, vocabulary]. Rows that end early go on with arbitrary tokens, so
    the caller must cut each at the first of `ends`; the loop stops when every row has ended.
    """
    import torch

    end_tokens = torch.tensor(sorted(ends), device=tokens.device)
    done = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    for _ in range(max_new_tokens):
        scores = logits(tokens)
        token = (sampler(tokens, scores) if sampler else scores).argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, token], dim=1)
        done = done | torch.isin(token[:, 0], end_tokens)
        if stop:
            done = done | stop(tokens, scores)
        if bool(done.all()):
            break
    rows: list[list[int]] = tokens.tolist()
    return rows


class GumbelMaxSampler:
    """A logits processor that samples from softmax(logits / temperature): the argmax of its result is the sample.

    It adds Gumbel noise to logits / temperature (Gumbel 1954; Maddison et al. 2014, "A* Sampling"). The noise of a
    request comes from a CPU generator of its own, seeded by its key, so neither its neighbours in the batch nor the
    device change the sample.
    """

    def __init__(self, generation: Generation, keys: Sequence[str]) -> None:
        self.temperature = generation.temperature
        self.generators = [_generator(generation.seed, key) for key in keys]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Logits [batch, vocabulary] with noise."""
        import torch

        uniform = torch.stack([torch.rand(scores.shape[1], generator=g, dtype=torch.float64) for g in self.generators])
        # The smallest positive number keeps log(0) out; double precision keeps the tail of the distribution in.
        noise = -torch.log(-torch.log(uniform.clamp_(min=torch.finfo(torch.float64).tiny)))
        # Rounded before it is moved, since NPU and MPS have no double precision.
        return scores / self.temperature + noise.to(scores.dtype).to(scores.device)


class StopStringCriteria:
    """A stopping criterion: a row is done as soon as the text behind its first `prompt` tokens holds a stop string.

    `lengths` holds, for each of the `count` rows, the number of tokens after which that happened, or None.
    """

    def __init__(self, stop: Sequence[str], tokenizer: Any, *, prompt: int, count: int) -> None:
        self.stop, self.tokenizer, self.prompt = stop, tokenizer, prompt
        self.tail = TOKENS_PER_CHARACTER * max(map(len, stop)) + MARGIN
        self.lengths: list[int | None] = [None] * count

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """Booleans [batch], true for rows that are done."""
        import torch

        length = input_ids.shape[1] - self.prompt
        tails = input_ids[:, max(self.prompt, input_ids.shape[1] - self.tail) :].tolist()
        for row, tail in enumerate(tails):
            if self.lengths[row] is None:
                text = self.tokenizer.decode(tail, skip_special_tokens=True)
                self.lengths[row] = length if any(stop in text for stop in self.stop) else None
        return torch.tensor([n is not None for n in self.lengths], dtype=torch.bool, device=input_ids.device)


def sampler_of(generation: Generation, keys: Sequence[str]) -> GumbelMaxSampler | None:
    """The sampler for requests with `keys` and equal generation settings; None for greedy decoding."""
    return GumbelMaxSampler(generation, keys) if generation.temperature > 0 else None


def stop_criteria_of(generation: Generation, tokenizer: Any, *, prompt: int, count: int) -> StopStringCriteria | None:
    """The stopping criterion for `count` rows behind `prompt` tokens; None without stop strings."""
    return StopStringCriteria(generation.stop, tokenizer, prompt=prompt, count=count) if generation.stop else None


def cut_at_stop(text: str, stop: Iterable[str]) -> str:
    """The text before the first stop string."""
    starts = [text.find(word) for word in stop]
    return text[: min((start for start in starts if start >= 0), default=len(text))]


def reply_length(tokens: Sequence[int], ends: frozenset[int], stopped: int | None) -> tuple[int, bool]:
    """Number of generated tokens that belong to the reply, its end token included, and true if the reply ended.

    `stopped` is the number of tokens after which a stop string came, or None.
    """
    for n, token in enumerate(tokens[:stopped], start=1):
        if token in ends:
            return n, True
    return (len(tokens), False) if stopped is None else (stopped, True)


def _generator(seed: int, key: str) -> torch.Generator:
    import torch

    mixed = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(mixed[:8], "big") >> 1)
