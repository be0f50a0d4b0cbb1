"""Did what left leave in the right order, with proof?"""
