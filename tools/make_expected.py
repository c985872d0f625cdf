"""Write the expected result of each sample beside it (shopwire_testkit.expected).

    python -m tools.make_expected        (or `make expected`)

Look at the difference before you commit it: it is what customers will notice.
"""

import os
import sys

from shopwire import platforms
from shopwire_testkit.expected import expected_text
from shopwire_testkit.samples import samples


def main() -> int:
    """Write the files that differ, and print their paths."""
    for name in platforms.NAMES:
        for sample in samples(name):
            text = expected_text(sample)
            path = sample.expected_path
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(os.path.relpath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
