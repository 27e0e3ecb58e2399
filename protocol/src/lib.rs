//! HTTP/1.1 as pure codecs: bytes in, values and counts out.
