"""The kinds of what documents hold, told apart by what stands in them or beside them."""
