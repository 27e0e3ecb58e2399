//! Which media types a content coding would not make shorter.

/// Top-level types that are compressed in themselves, and their exceptions.
const PICTURES_AND_SOUND: [&str; 3] = ["audio", "image", "video"];
const PLAIN_PICTURES: [&str; 6] = [
    "image/bmp",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/x-icon",
    "image/x-ms-bmp",
    "image/x-portable-bitmap",
];
/// Others that are compressed in themselves.
const COMPRESSED: [&str; 27] = [
    "application/epub+zip",
    "application/font-woff",
    "application/font-woff2",
    "application/gzip",
    "application/java-archive",
    "application/mp4",
    "application/ogg",
    "application/pdf",
    "application/vnd.android.package-archive",
    "application/vnd.apple.installer+xml",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-brotli",
    "application/x-bzip",
    "application/x-bzip2",
    "application/x-compress",
    "application/x-font-woff",
    "application/x-gzip",
    "application/x-lzma",
    "application/x-rar-compressed",
    "application/x-xz",
    "application/x-zip-compressed",
    "application/x-zstd",
    "application/zip",
    "application/zstd",
    "font/woff",
    "font/woff2",
];
/// How those begin of which there are many: office documents are zip archives, and gRPC compresses
/// its messages one by one.
const COMPRESSED_PREFIXES: [&str; 3] = [
    "application/grpc",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
];
/// A structured syntax suffix (RFC 6839 §3.6).
const ZIP: &str = "+zip";

/// Whether content of this type is worth a coding. What is not known is taken to be.
pub(super) fn is_fit(media_type: &str) -> bool {
    let is = |known: &&str| known.eq_ignore_ascii_case(media_type);
    let top_level = media_type.split('/').next().unwrap_or_default();
    if PICTURES_AND_SOUND
        .iter()
        .any(|known| known.eq_ignore_ascii_case(top_level))
    {
        return PLAIN_PICTURES.iter().any(is);
    }
    let bytes = media_type.as_bytes();
    let begins = |prefix: &&str| {
        let start = bytes.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let end = bytes.len().checked_sub(ZIP.len());
    let is_zip = end.is_some_and(|at| bytes[at..].eq_ignore_ascii_case(ZIP.as_bytes()));
    !is_zip && !COMPRESSED.iter().any(is) && !COMPRESSED_PREFIXES.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::is_fit;

    #[test]
    fn what_is_compressed_already_is_left_alone() {
        for (media_type, expected) in [
            ("text/html", true),
            ("text/event-stream", true),
            ("application/json", true),
            ("application/problem+json", true),
            ("application/wasm", true),
            ("application/octet-stream", true),
            ("", true),
            ("nonsense", true),
            ("font/ttf", true),
            ("image/svg+xml", true),
            ("IMAGE/SVG+XML", true),
            ("image/png", false),
            ("Image/Jpeg", false),
            ("video/mp4", false),
            ("audio/ogg", false),
            ("font/woff2", false),
            ("application/zip", false),
            ("Application/Zip", false),
            ("application/epub+zip", false),
            ("application/x-mine+ZIP", false),
            ("application/grpc+proto", false),
            (
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                false,
            ),
        ] {
            assert_eq!(is_fit(media_type), expected, "{media_type}");
        }
    }
}
