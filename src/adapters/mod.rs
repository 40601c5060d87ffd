//! The world behind the ports. This file is the one switchboard from a
//! configured name to an implementation.
