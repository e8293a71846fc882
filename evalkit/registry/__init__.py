"""YAML files of tasks, models and cards as typed specs, and which of them there are."""
