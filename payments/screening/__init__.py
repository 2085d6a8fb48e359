"""Screening against sanctions lists: whether one may pay, not whom to help.

`check` is what the rest of the fund calls. How lists are read and loaded is in `stream`, `ofac`, `eu` and
`loading`; how names are compared in `sounds` and `matching`; what humans decide in `questions`.
"""

from models.screening import SubjectKind
from payments.screening.checking import State, Subject, Verdict, check

__all__ = ["State", "Subject", "SubjectKind", "Verdict", "check"]
