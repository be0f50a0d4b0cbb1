"""Does the device exist, and does the register know it?"""
