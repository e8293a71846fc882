"""The types that YAML files of tasks, models and cards decode into."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evalkit.adapters import Adapter, Rule
from evalkit.backends import Backend
from evalkit.backends.engine import SharePrefix
from evalkit.data.columns import Columns
from evalkit.data.filters import RowFilter
from evalkit.data.sources import Source
from evalkit.metrics import Metric
from evalkit.metrics.accuracy import Accuracy, Policy
from evalkit.types import Generation, Value


class Localized(Value, frozen=True):
    """A text in English and, where given, Chinese."""

    en: str
    zh: str = ""

    def get(self, language: str) -> str:
        """The text in `language` ("en" or "zh"), English where there is no other."""
        return (self.zh if language == "zh" else "") or self.en


class JudgePrompt(Value, frozen=True, kw_only=True):
    """The question to a judge model about a reply that no rule reads, in place of the one for its kind of answer.

    `prompt` has the fields question, options, reply, none and the sample's extra; a judge that says `none` found no
    answer. `max_new_tokens` bounds its reply.
    """

    prompt: str
    none: str = "NONE"
    max_new_tokens: int = 32


class TaskSpec(Value, frozen=True, kw_only=True):
    """One benchmark as it is run and scored.

    samples: the number of rows that the task evaluates, checked at every load. row_filter (in a file: `keep`): chooses
    these rows. rules: other rules for the same replies, by name. policies: by the name of a rule, what an unparsable
    reply is worth under it, in place of `unparsed` of the accuracy metrics; any other name is the default rule with
    that policy. metrics_of: by the name of a rule, metrics that replace the task's metrics of the same name. readings:
    by the name of a field in a predictions file that holds extracted answers instead of replies, the name of the rule
    that reads them, by default and as `official`. headline: the name of the metric that stands for the task.
    """

    name: str
    title: Localized
    samples: int
    source: Source
    columns: Columns
    adapter: Adapter
    generation: Generation
    metrics: Mapping[str, Metric]
    headline: str
    row_filter: RowFilter | None = msgspec.field(default=None, name="keep")
    rules: Mapping[str, Rule] = {}
    policies: Mapping[str, Policy] = {}
    metrics_of: Mapping[str, Mapping[str, Metric]] = {}
    readings: Mapping[str, str] = {}
    judge: JudgePrompt | None = None
    paper: str = ""
    license: str = ""
    note: str = ""

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The names of rules and policies, which `with_rule` takes."""
        return tuple(dict.fromkeys((*self.rules, *self.policies)))

    def for_field(self, field: str) -> TaskSpec:
        """The task with the rule for texts from `field` of a predictions file: that of `readings`, else its own."""
        if field not in self.readings:
            return self
        rule = self.rules[self.readings[field]]
        return msgspec.structs.replace(
            self, adapter=self.adapter.with_rule(rule), rules={**self.rules, "official": rule}
        )

    def with_rule(self, name: str) -> TaskSpec:
        """The same task scored by another of its rules and policies. Raises KeyError for an unknown name."""
        if name not in self.rule_names:
            raise KeyError(name)
        adapter = self.adapter.with_rule(self.rules[name]) if name in self.rules else self.adapter
        metrics = self.metrics
        if name in self.policies:
            policy = self.policies[name]
            metrics = {
                key: msgspec.structs.replace(metric, unparsed=policy) if isinstance(metric, Accuracy) else metric
                for key, metric in metrics.items()
            }
        metrics = {**metrics, **self.metrics_of.get(name, {})}
        return msgspec.structs.replace(self, adapter=adapter, metrics=metrics)


class Batch(Value, frozen=True, kw_only=True):
    """The bounds of a batch: `count` requests, and `tokens` as rows x (longest prompt + new tokens), 0 for no bound.

    A request whose beginning is shared with one before it in the batch counts only for the rest of its prompt.
    """

    count: int = 8
    tokens: int = 0


class ModelSpec(Value, frozen=True, kw_only=True):
    """A model: `backend` is its identity; `blind` drops pictures and videos from its prompts; the rest is scheduling.

    `workers` are threads that prepare media ahead of the model. `share_prefix` says whether questions on the same media
    share the prefill of these; `auto`: where tests prove equal tokens.
    """

    name: str
    backend: Backend
    title: str = ""
    batch: Batch = Batch()
    workers: int = 2
    share_prefix: SharePrefix = "auto"
    blind: bool = False


class Reference(Value, frozen=True, kw_only=True):
    """The Stat of a table cell: a task's metric (its headline if empty) for the group `where` (all if empty)."""

    task: str
    metric: str = ""
    where: Mapping[str, str] = {}


class Row(Value, frozen=True, kw_only=True):
    """A line of a card's table; `score` is a task name or a full reference, `published` as printed, one per column."""

    score: str | Reference
    label: Localized
    published: tuple[str, ...] = ()
    category: Localized | None = None

    @property
    def reference(self) -> Reference:
        """`score` in its full form."""
        return self.score if isinstance(self.score, Reference) else Reference(task=self.score)


class Table(Value, frozen=True, kw_only=True):
    """One table of a card; `columns` name the published models."""

    id: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    title: Localized | None = None


class CardSpec(Value, frozen=True, kw_only=True):
    """The layout of a model card and its published numbers."""

    name: str
    tables: tuple[Table, ...]
    title: Localized | None = None
    source: str = ""
