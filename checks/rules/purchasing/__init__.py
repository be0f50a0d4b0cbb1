"""Was it bought, received and capitalised as the books say?"""
