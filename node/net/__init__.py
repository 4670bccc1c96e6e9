"""Sockets: framing, outboxes, doors. What is said over them is the dialects' business."""
