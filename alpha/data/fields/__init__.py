"""Tables that are not bars, as fields of the panel: joined by the time they became known, or aggregated."""
