"""Do contracts, seats and bills agree?"""
