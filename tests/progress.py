"""How far a long test has come, for whoever waits for it (`make soak` lets it be seen)."""

import time
from dataclasses import dataclass, field

STEPS = 50
"""How often it is told in all."""


@dataclass
class Progress:
    """Tells how much of a whole is done, and about how long the rest will take."""

    what: str
    whole: int
    began: float = field(default_factory=time.monotonic)

    def tell(self, done: int) -> None:
        """Print a line whenever another fiftieth is done."""
        if done * STEPS // self.whole == (done - 1) * STEPS // self.whole:
            return
        gone = time.monotonic() - self.began
        left = gone / done * (self.whole - done)
        print(  # noqa: T201 - this is what it is for
            f"  {done:,} of {self.whole:,} {self.what}; {gone / 60:.0f} minutes gone, about {left / 60:.0f} left",
            flush=True,
        )
