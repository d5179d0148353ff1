"""Back ends that prove over all class pairs: CP-SAT, and HiGHS on the same model. Only here OR-Tools is imported."""

from .engines import CpSatEngine
from .highs import HighsEngine
from .search import CaseBackend

BACKEND = CaseBackend("cp-sat", CpSatEngine)
HIGHS = CaseBackend("highs", HighsEngine)
