"""The demo firm in containers, by podman. `make image` runs it."""
