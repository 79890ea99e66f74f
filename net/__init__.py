"""What both transports share: connections that end, to whichever server."""
