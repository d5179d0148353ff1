"""The back ends that close the cases with one engine each."""

from .case_backend import CaseBackend
from .engines import search_engine
from .highs import HighsEngine

BACKEND = CaseBackend("cp-sat", search_engine)
HIGHS = CaseBackend("highs", lambda _objective, _seed: HighsEngine())
