"""`python -m shopwire_simulation.mutants`, see `runner`."""

import sys

from shopwire_simulation.mutants.runner import main

sys.exit(main())
