"""Reports for people and programs: ``alpha_eval.json``, its HTML page, and the daily report of a paper account."""
