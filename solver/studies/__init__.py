"""Studies: several searches of the same layers on the same exact model, compared."""

from .dataflows import CLASSIC_DATAFLOWS, dataflow_study
from .gap import gap_study
from .given import LayerMapping, load_mappings

__all__ = ["CLASSIC_DATAFLOWS", "LayerMapping", "dataflow_study", "gap_study", "load_mappings"]
