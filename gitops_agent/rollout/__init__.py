"""Progressive delivery: what of a change is live at which moment."""
