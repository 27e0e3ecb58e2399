//! Parses the head of one part: its name, its file's name, its type (RFC 7578 §4).

use super::MultipartError;
use super::names::{extended, unescaped};
use crate::media_type::MediaType;
use crate::parameters::{Parameters, Quoting};

/// Headers that one part may have.
pub const PART_HEADERS_MAX: usize = 16;

/// What a part of a form is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PartHead {
    /// The name of the field. What browsers escape in it is given as it was meant: `%22` as `"`,
    /// `%0D` and `%0A` as the ends of lines.
    pub name: String,
    /// The name of the file, if this is one, without any folders. It may be empty: so browsers
    /// send a field for files in which none was chosen.
    pub file_name: Option<String>,
    /// The media type that the client declares, if it is one.
    pub media_type: Option<String>,
}

impl PartHead {
    /// Whether a file was named, if only with an empty name.
    pub fn is_file(&self) -> bool {
        self.file_name.is_some()
    }

    /// Reads a head, with the empty line at its end.
    pub(super) fn parse(head: &[u8]) -> Result<Self, MultipartError> {
        let is_bare = |at: usize| at == 0 || head[at - 1] != b'\r';
        if memchr::memchr_iter(b'\n', head).any(is_bare) {
            return Err(MultipartError::InvalidHead); // `httparse` would take it for a line's end
        }
        let mut headers = [httparse::EMPTY_HEADER; PART_HEADERS_MAX];
        let Ok(httparse::Status::Complete((_, headers))) =
            httparse::parse_headers(head, &mut headers)
        else {
            return Err(MultipartError::InvalidHead);
        };
        let mut parsed = None;
        let mut media_type = None;
        for header in headers {
            let value = str::from_utf8(header.value).map_err(|_| MultipartError::InvalidHead)?;
            if header.name.eq_ignore_ascii_case("Content-Disposition") {
                let disposition = parse_disposition(value);
                let is_first = parsed.is_none();
                parsed = disposition.filter(|_| is_first);
                parsed.as_ref().ok_or(MultipartError::InvalidDisposition)?;
            } else if header.name.eq_ignore_ascii_case("Content-Type") {
                let is_sound = media_type.is_none() && MediaType::parse(value).is_some();
                media_type = is_sound.then(|| value.to_owned());
            } else if header
                .name
                .eq_ignore_ascii_case("Content-Transfer-Encoding")
            {
                // RFC 2045 §6.2: these leave the bytes as they are.
                let plain = ["7bit", "8bit", "binary"];
                if !plain.iter().any(|name| value.eq_ignore_ascii_case(name)) {
                    return Err(MultipartError::UnknownEncoding);
                }
            }
        }
        let mut parsed: Self = parsed.ok_or(MultipartError::InvalidDisposition)?;
        parsed.media_type = media_type;
        Ok(parsed)
    }
}

/// `form-data; name="…"`, and `filename="…"` for a file.
///
/// RFC 7578 §4.2 forbids `filename*` here, and still some clients send it alone. A part with it is
/// a file; the extended name counts only where there is no plain one.
fn parse_disposition(value: &str) -> Option<PartHead> {
    let (kind, parameters) = value.split_at(value.find([';', ' ', '\t'])?);
    if !kind.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let parameters = Parameters::parse_quoted(parameters, Quoting::OfForms)?;
    let plain = parameters.get("filename").map(unescaped);
    let file_name = plain.or_else(|| parameters.get("filename*").map(extended));
    Some(PartHead {
        name: unescaped(parameters.get("name")?),
        file_name: file_name.map(without_folders),
        media_type: None,
    })
}

/// A backslash is a letter of a name like any other, but where a path of Windows begins: of those,
/// browsers of old sent the whole.
fn without_folders(name: String) -> String {
    let is_path_of_windows = match name.as_bytes() {
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        [b'\\', b'\\', ..] => true,
        _ => false,
    };
    let separators: &[char] = match is_path_of_windows {
        true => &['/', '\\'],
        false => &['/'],
    };
    match name.rfind(separators) {
        Some(at) => name[at + 1..].to_owned(),
        None => name,
    }
}
