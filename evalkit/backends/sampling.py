"""How tokens become a reply: greedy or reproducibly drawn, ended by the model, by a stop string or by the limit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.types import Generation

if TYPE_CHECKING:
    import torch

# A character takes at most four bytes, and a token holds at least one; a few more cover a half character in front.
TOKENS_PER_CHARACTER, SLACK = 4, 4


class Gumbel:
    """Draw from softmax(scores / temperature) by the largest of scores / temperature + Gumbel noise.

    The noise of a request comes from its own CPU generator, so neither its neighbours in the batch nor the device
    change what is drawn (Gumbel 1954; Maddison et al. 2014, "A* Sampling").
    """

    def __init__(self, generation: Generation, keys: Sequence[str]) -> None:
        self.temperature = generation.temperature
        self.generators = [_generator(generation.seed, key) for key in keys]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores [batch, vocabulary] whose argmax is the draw."""
        import torch

        uniform = torch.stack([torch.rand(scores.shape[1], generator=g, dtype=torch.float64) for g in self.generators])
        # The smallest positive number keeps log(0) out; double precision keeps the tail of the distribution in.
        noise = -torch.log(-torch.log(uniform.clamp_(min=torch.finfo(torch.float64).tiny)))
        # Rounded before it is moved, since NPU and MPS know no double precision.
        return scores / self.temperature + noise.to(scores.dtype).to(scores.device)


class StopStrings:
    """End a reply as soon as its text holds a stop string; `lengths` tells after how many tokens, None: not yet."""

    def __init__(self, stop: Sequence[str], tokenizer: Any, *, prompt: int, count: int) -> None:
        self.stop, self.tokenizer, self.prompt = stop, tokenizer, prompt
        self.tail = TOKENS_PER_CHARACTER * max(map(len, stop)) + SLACK
        self.lengths: list[int | None] = [None] * count

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """Which rows [batch] are done."""
        import torch

        length = input_ids.shape[1] - self.prompt
        tails = input_ids[:, max(self.prompt, input_ids.shape[1] - self.tail) :].tolist()
        for row, tail in enumerate(tails):
            if self.lengths[row] is None and self._ends(tail):
                self.lengths[row] = length
        done = [found is not None for found in self.lengths]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _ends(self, tokens: list[int]) -> bool:
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return any(stop in text for stop in self.stop)


def cut(text: str, stop: Iterable[str]) -> str:
    """The text before the first stop string."""
    places = [text.find(word) for word in stop]
    return text[: min((place for place in places if place >= 0), default=len(text))]


def reply_length(tokens: Sequence[int], eos: frozenset[int], stopped: int | None) -> tuple[int, bool]:
    """How many of the generated tokens are the reply's (its end token included), and whether it came to an end."""
    for n, token in enumerate(tokens[:stopped], start=1):
        if token in eos:
            return n, True
    return (len(tokens), False) if stopped is None else (stopped, True)


def _generator(seed: int, key: str) -> torch.Generator:
    import torch

    mixed = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(mixed[:8], "big") >> 1)
