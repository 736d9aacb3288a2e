"""The demo: the whole pipeline on this machine, fed, drained, checked and reported, then ended."""
