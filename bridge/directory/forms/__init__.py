"""The files of the directory as they are written: YAML, CSV, and what other systems export."""
