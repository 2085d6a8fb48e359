"""The chain of the rail `stablecoin`.

py_ecc, which web3 loads, raises the interpreter's recursion limit to 100 000. Deeply nested JSON from anybody
would then overflow the stack and end the process, where otherwise it is refused. So py_ecc is loaded here, before
anything else of this package, and the limit put back.
"""

import sys
from typing import Final

RECURSION_LIMIT: Final = sys.getrecursionlimit()

import py_ecc  # noqa: E402, F401 - see above

sys.setrecursionlimit(RECURSION_LIMIT)
