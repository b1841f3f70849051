"""How fast, how small: measurements beside peers that anyone can run again.

``python -m benchmarks`` runs them (``--help`` tells more); `cases` lists what is measured.
"""
