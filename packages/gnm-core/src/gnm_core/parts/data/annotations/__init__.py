"""What people know of the objects in their pictures: one reader a format, one shape of truth."""
