"""From a spec to a result: cache or back end, legality, exact cost, ranks and status of every layer."""
