"""The best choice of one mapping for every layer of a network, from the layers' fronts."""
