"""The aiohttp routes: application-service endpoints, health and metrics."""
