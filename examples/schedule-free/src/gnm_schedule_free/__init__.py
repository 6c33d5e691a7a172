"""Schedule-free AdamW for gnm."""
