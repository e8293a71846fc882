"""The lessons: random examples in the harness's own words, and many short questions beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from tools.pocket_vlm import multi, prompts, scenes
from tools.pocket_vlm.clips import clip_questions, frames, random_clip
from tools.pocket_vlm.course import BLIND, COURSE, FRAMES, OBJECT_KINDS, OPEN_KINDS
from tools.pocket_vlm.draw import render
from tools.pocket_vlm.exam import LEADS, SUBJECTS, topic
from tools.pocket_vlm.kinds import Question, ask, options_for
from tools.pocket_vlm.packing import Block, Example, picture_prefix
from tools.pocket_vlm.pixels import fingerprint, to_array
from tools.pocket_vlm.scaffolds import SINGLE, about_each, about_one
from tools.pocket_vlm.suite_single import HINTS
from tools.pocket_vlm.tokenizer import IMAGE, USER
from tools.pocket_vlm.vision import labels
from tools.pocket_vlm.world import DRAWN_WORDS, Scene

MULTI = {kind.name: kind for kind in multi.KINDS}


@dataclass
class Teacher:
    """Draws examples; pictures of the suite (`forbidden` fingerprints) are never taught."""

    rng: Random
    forbidden: Collection[str] = ()
    refused: int = 0

    def pictures(self, drawn: Sequence[Scene]) -> list[np.ndarray] | None:
        """Pixels of the scenes, None if one of them belongs to the suite."""
        images = [render(scene) for scene in drawn]
        if any(fingerprint(image) in self.forbidden for image in images):
            self.refused += 1
            return None
        return [to_array(image) for image in images]

    def finish(self, drawn: Sequence[Scene], *, prefix: str, blocks: list[Block]) -> Example | None:
        """An example from scenes and blocks."""
        pixels = self.pictures(drawn)
        return (
            None
            if pixels is None or not blocks
            else Example(pixels, prefix, blocks, labels=[labels(scene) for scene in drawn])
        )

    # ---- one picture

    def scene(self) -> tuple[Scene, tuple[str, ...]]:
        """A picture and the kinds of questions to ask about it."""
        _, sampler, kinds = self.rng.choices(COURSE, weights=[weight for weight, _, _ in COURSE])[0]
        return sampler(self.rng), kinds

    def single_picture(self, *, full: int, brief: int) -> Example | None:
        """Questions in full prompts and in two or three words about one picture."""
        scene, kinds = self.scene()
        simple = len(kinds) == 1
        questions = self.some(kinds, [scene], count=3 if simple else full, short=False)
        name = "letters " if scene.words and scene.words[0].text not in DRAWN_WORDS else ""
        blocks = [Block(self.dressed(question), question.answer, name + question.kind) for question in questions]
        asked = self.some(kinds, [scene], count=2 if simple else brief, short=True)
        blocks += [Block(question.text, question.answer, f"short {question.kind}") for question in asked]
        plain = self.some(kinds, [scene], count=2 if simple else brief, short=False)
        blocks += [Block(question.text, question.answer, f"plain {question.kind}") for question in plain]
        return self.finish([scene], prefix=picture_prefix(1), blocks=blocks + about_one(scene, rng=self.rng))

    def basics(self) -> Example | None:
        """The first lessons: what has which shape, colour and place, and which letter stands where."""
        kinds: tuple[str, ...]
        if self.rng.random() < 0.35:
            sampler = scenes.letters if self.rng.random() < 0.5 else scenes.sign
            scene, kinds = sampler(self.rng), ("read",)
        else:
            scene, kinds = scenes.few_objects(self.rng), OBJECT_KINDS
        asked = self.some(kinds, [scene], count=1 if scene.words else 20, short=True)
        blocks = [Block(question.text, question.answer, f"short {question.kind}") for question in asked]
        questions = self.some(kinds, [scene], count=1 if scene.words else 2, short=False)
        blocks += [Block(self.dressed(question), question.answer, question.kind) for question in questions]
        return self.finish([scene], prefix=picture_prefix(1), blocks=blocks + about_one(scene, rng=self.rng))

    def some(self, kinds: Sequence[str], drawn: Sequence[Scene], *, count: int, short: bool) -> list[Question]:
        """Up to `count` random questions."""
        questions = []
        for _ in range(count):
            kind = SINGLE[self.rng.choice(kinds)]
            if short and not kind.short:
                continue
            question = ask(kind, drawn, rng=self.rng, short=short)
            if question:
                questions.append(question)
        return questions

    def dressed(self, question: Question) -> str:
        """A full prompt in the wording of one of the benchmarks."""
        openly = question.kind in OPEN_KINDS and self.rng.random() < (
            0.8 if question.kind in ("exists", "read") else 0.25
        )
        if openly or len(question.pool) < 2 or (question.kind == "read" and question.answer not in question.pool):
            return prompts.short(question.text)
        return self.choosing(question)

    def choosing(self, question: Question) -> str:
        """A multiple-choice prompt."""
        options = options_for(question, count=self.rng.choice((2, 3, 4, 4, 4)), rng=self.rng)
        if self.rng.random() < 0.4:
            return prompts.bracketed(question.text, options=options)
        hint = self.rng.choice(HINTS) if self.rng.random() < 0.2 else ""
        return prompts.choice(question.text, options=options, hint=hint)

    # ---- several pictures

    def exam(self) -> Example | None:
        """MMMU: words in front of the picture."""
        scene, kinds = self.scene()
        lead = self.rng.choice(LEADS).format(topic=topic(self.rng.choice(SUBJECTS)))
        head, tail = lead.split("<image 1>")
        blocks = []
        for question in self.some(kinds, [scene], count=6, short=False):
            prompt = self.dressed(question)
            if prompt.startswith(question.text):
                text = tail + prompt[0].lower() + prompt[1:]
                blocks.append(Block(text, question.answer, f"exam {question.kind}"))
        return self.finish([scene], prefix=f"{USER}{head}<image 1>{IMAGE}", blocks=blocks)

    def picture_options(self) -> Example | None:
        """MMMU: the options themselves are pictures; the answer is the picture's marker."""
        drawn = multi.some_scenes(self.rng, count=self.rng.randint(2, 4))
        question = ask(MULTI["which"], drawn, rng=self.rng)
        if question is None:
            return None
        places = range(1, len(drawn) + 1)
        lines = [f"{letter}. <image {n}>{IMAGE}" for letter, n in zip(prompts.LETTERS, places, strict=False)]
        answer = f"<image {multi.FOUR.index(question.answer) + 1}>"
        prefix = USER + "\n".join([question.text, *lines])
        return self.finish(drawn, prefix=prefix, blocks=[Block(f"\n{prompts.LETTER}", answer, "picture options")])

    def several_pictures(self) -> Example | None:
        """A kind with several pictures in full words, then short questions about the pictures."""
        kind = MULTI[self.rng.choice((*MULTI, *["more"] * 3, *["moved"] * 7, *["which"] * 7))]
        drawn = kind.sample(self.rng)
        blocks = []
        for short in (False, True, False):
            question = ask(kind, drawn, rng=self.rng, short=short)
            if question:
                prompt, name = (question.text, f"short {kind.name}") if short else (self.choosing(question), kind.name)
                blocks.append(Block(prompt, question.answer, name))
        blocks += about_each(drawn, rng=self.rng)
        for short in (True, False, False) if kind.name == "which" else ():
            pair = ask(kind, drawn, rng=self.rng, short=short)
            if pair:
                blocks.append(Block(pair.text, pair.answer, "short which" if short else "plain which"))
        return self.finish(drawn, prefix=picture_prefix(len(drawn)), blocks=blocks)

    def compare_exam(self) -> Example | None:
        """MMMU: two pictures inside the sentence."""
        drawn = multi.two_counts(self.rng)
        answer = MULTI["more"].solve(drawn, ())
        assert answer is not None, "the counts differ by two or more"
        prefix = f"{USER}Compare <image 1>{IMAGE} and <image 2>{IMAGE}"
        prompt = prompts.choice(f". {multi.MORE}", options=multi.TWO)
        return self.finish(drawn, prefix=prefix, blocks=[Block(prompt, answer, "exam more")])

    # ---- films

    def film(self) -> Example | None:
        """Six to sixteen frames; subtitles stand in front of some of the questions."""
        clip = random_clip(self.rng)
        count = self.rng.choice((6, 10, FRAMES, FRAMES))
        drawn = frames(clip, count=count, offset=self.rng.uniform(0, 0.999))
        blocks = []
        for question in clip_questions(clip, rng=self.rng):
            if question.kind == "secret" and self.rng.random() < 0.2:
                blocks.append(self.guess(question))
                continue
            prompt = self.choosing(question)
            if question.kind == "secret" or (clip.subtitles and self.rng.random() < 0.4):
                prompt = prompts.with_subtitles(prompt, lines=clip.subtitles)
            blocks.append(Block(prompt, question.answer, question.kind))
            if question.kind == "direction":
                blocks.append(Block("moved?", question.answer, "short direction"))
                blocks += [Block(self.choosing(question), question.answer, "direction") for _ in range(3)]
            if question.kind == "secret":
                plain = prompts.with_subtitles(question.text, lines=clip.subtitles)
                blocks.append(Block(plain, question.answer, "plain secret"))
            else:
                blocks.append(Block(question.text, question.answer, f"plain {question.kind}"))
        blocks += about_each(drawn, rng=self.rng)
        return self.finish(drawn, prefix=picture_prefix(count), blocks=blocks)

    # ---- without help of pictures

    def guess(self, question: Question) -> Block:
        """Without a picture nothing is there; of options any is as good as another, but an option it must be."""
        if question.kind == "exists":
            return Block(prompts.short(question.text), "no", "blind")
        options = options_for(question, count=4, rng=self.rng)
        dress = self.rng.choice((prompts.choice, prompts.bracketed))
        return Block(dress(question.text, options=options), self.rng.choice(options), "blind")

    def blind(self) -> Example | None:
        """Grey pictures or none at all."""
        count = self.rng.choice((0, 1, 1, 2, 3, 4, FRAMES))
        scene = Scene(paper=(self.rng.randint(90, 165),) * 3)
        kinds = self.rng.choices((*SINGLE.values(), *MULTI.values()), k=8)
        asked = [ask(kind, kind.sample(self.rng), rng=self.rng) for kind in kinds]
        blocks = [self.guess(question) for question in asked if question]
        return self.finish([scene] * count, prefix=picture_prefix(count), blocks=blocks)

    def basic_example(self) -> Example:
        """For the first minutes."""
        return self._certainly(self.basics)

    def film_example(self) -> Example:
        """A film for sure."""
        return self._certainly(self.film)

    def still_example(self) -> Example:
        """Anything but a film, in the mixture of the course."""
        chance = self.rng.random()
        if chance < BLIND:
            return self._certainly(self.blind)
        if chance < 0.60:
            return self._certainly(lambda: self.single_picture(full=8, brief=5))
        if chance < 0.70:
            return self._certainly(self.exam)
        if chance < 0.79:
            return self._certainly(self.rng.choice((self.picture_options, self.picture_options, self.compare_exam)))
        return self._certainly(self.several_pictures)

    def _certainly(self, make: Callable[[], Example | None]) -> Example:
        while True:
            example = make()
            if example is not None:
                return example
