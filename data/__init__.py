"""Sample data and cookbook queries that come with Tieout."""
