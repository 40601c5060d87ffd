//! How credentials are written out. Pure; a format is a file in this room.
