"""`make fuzz`: hostile input for everything that strangers reach, guided by the code that it runs through.

An exception that is not documented is a finding. Each target (`targets`) says which ones are documented.
"""
