"""Back ends that prove over all class pairs: CP-SAT, and HiGHS on the same model. Only here OR-Tools is imported."""

from .case_backend import CaseBackend
from .engines import CpSatEngine
from .highs import HighsEngine

BACKEND = CaseBackend("cp-sat", CpSatEngine)
HIGHS = CaseBackend("highs", HighsEngine)
