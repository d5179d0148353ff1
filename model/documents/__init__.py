"""The public documents: pydantic types that are the JSON of specs, results and studies."""
