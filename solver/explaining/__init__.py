"""Why a layer of a result costs what it costs: what bounds it, and what else it could cost, from small searches."""
