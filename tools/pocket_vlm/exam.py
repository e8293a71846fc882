"""The exam flavour of the MMMU look-alike: subjects and the words in front of a question."""

from __future__ import annotations

SUBJECT_LIST = """
Accounting Agriculture Architecture_and_Engineering Art Art_Theory Basic_Medical_Science Biology Chemistry
Clinical_Medicine Computer_Science Design Diagnostics_and_Laboratory_Medicine Economics Electronics
Energy_and_Power Finance Geography History Literature Manage Marketing Materials Math Mechanical_Engineering
Music Pharmacy Physics Psychology Public_Health Sociology
"""
SUBJECTS = tuple(SUBJECT_LIST.split())
LEADS = (
    "In the figure <image 1> on {topic}, ",
    "<image 1> In this figure on {topic}, ",
    "The figure <image 1> belongs to an exam in {topic}: ",
)


def topic(subject: str) -> str:
    """A subject as it stands in a sentence."""
    return subject.replace("_", " ").lower()
