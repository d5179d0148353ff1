"""A back end whose module ends the process."""

import sys

sys.exit(0)
