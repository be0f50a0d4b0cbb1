"""Who holds it, where is it, and does its status say so?"""
