"""The register of official letters, in and out: a number for each, its document, and whether it was answered. That an institution was
in touch is written by the log (campaigns.interactions), which puts it on the timeline too."""
