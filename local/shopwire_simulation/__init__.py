"""The fault simulation: the real handlers, platforms, mapper and delivery on a virtual clock, in one process.

Only what stands outside shopwire is replaced: AWS (`fakes`), the shops (`stories`), the API, time. Nothing here repeats
a rule of the code under test.
"""
