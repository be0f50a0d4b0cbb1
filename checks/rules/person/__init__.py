"""Do accounts belong to people who work here?"""
