"""Where content sits in images: two sets compared, and how far it moved between an image and its refined version."""
