"""Is the stock what the book says, and enough?"""
