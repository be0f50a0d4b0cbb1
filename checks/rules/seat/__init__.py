"""Is each paid seat somebody's who needs it?"""
