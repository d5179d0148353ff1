"""Back ends that prove over all class pairs: CP-SAT, and HiGHS on the same model. Only here OR-Tools is imported."""

from .case_backend import CaseBackend
from .engines import search_engine
from .highs import HighsEngine

BACKEND = CaseBackend("cp-sat", search_engine)
HIGHS = CaseBackend("highs", lambda _objective, _seed: HighsEngine())
