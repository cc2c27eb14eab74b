"""Join everything to areas: one indicator table in which missing, zero and suppressed stay different."""
