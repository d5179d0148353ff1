"""Pictures of results and studies, as files or inside an HTML report (extra ``plot``)."""
