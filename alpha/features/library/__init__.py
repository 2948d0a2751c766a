"""The features that come with Alpha, one file a family. A file dropped in here registers itself.

Windows count rows of the panel (sessions, for daily bars). Every value of row t is known at the close of bar t. Units
are fractions: 0.01 is one per cent.
"""
