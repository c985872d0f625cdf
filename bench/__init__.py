"""What shopwire takes of time, memory and money, each figure beside its yardstick: `make bench`.

Nothing here is deployed or tested for a time: machines differ, so what counts is the ratio of two figures of one run.
"""
