"""Who is who: which person, device or product a record speaks of, and why we think so."""
