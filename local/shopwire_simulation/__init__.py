"""The fault simulation runs the real handlers, platforms, mapper and delivery on a virtual clock in one process.

Only what is outside shopwire is replaced: AWS (`fakes`), the shops (`shopwire_testkit`), the API, and the time. Nothing
here repeats a rule of the code under test.
"""
