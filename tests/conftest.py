"""Lets every test say `import tiny_course`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
