//! Cookies: those that the client sent, and those that it is to keep (RFC 6265).
//!
//! Cookies with their attributes are made by the crate `cookie`, whose types are given here, and
//! read from and written on the [`Context`].
//!
//! A *signed* cookie can be read by its client and not changed; a *private* one can be neither. For
//! both a [`Key`] is needed: at least 64 bytes that nobody else knows, made once by
//! [`Key::try_generate`] and kept with the other secrets of the server, the same for all its cores
//! and machines. Whoever has only 32 such bytes uses [`Key::derive_from`]. A new key makes all
//! cookies of the old one worthless.
//!
//! A value may be any text: what a cookie cannot carry is percent-encoded when it is set, as
//! browsers' `encodeURIComponent` does, and decoded when it is read. Cookies that others write or
//! read in another way are set by [`set_raw_cookie`](Context::set_raw_cookie) and read by
//! [`raw_cookie`](Context::raw_cookie).
//!
//! ```
//! use ringlane::cookies::{Cookie, Key, SameSite};
//! use ringlane::{Context, Result, Server, testing::Client};
//!
//! fn visit(ctx: Context) -> Result {
//!     let key = ctx.state::<Key>();
//!     let before = ctx.private_cookie("visits", key);
//!     let visits: u32 = before.map_or(Ok(0), |text| text.parse())?;
//!     let cookie = Cookie::build(("visits", (visits + 1).to_string()))
//!         .path("/")
//!         .http_only(true)
//!         .secure(true)
//!         .same_site(SameSite::Lax);
//!     ctx.set_private_cookie(cookie, key)?.text(format!("{visits} visits before"));
//!     Ok(())
//! }
//!
//! # let secret = [7; 64];
//! let key = Key::try_from(&secret[..]).map_err(ringlane::Error::internal)?; // 64 bytes or more
//! let server = Server::builder().state(move |_core| key.clone()).get("/", visit).build()?;
//! let mut client = Client::new(server)?;
//! let first = client.get("/").send()?;
//! let cookie = first.header("set-cookie").and_then(|line| line.split(';').next());
//! let second = client.get("/").header("Cookie", cookie.unwrap_or_default()).send()?;
//! assert_eq!(second.text(), "1 visits before");
//! # Ok::<(), ringlane::Error>(())
//! ```
//!
//! Always true here:
//! - What could end a cookie, or its line, is encoded in its value, and refused in its name and its
//!   attributes.
//! - A signed or private cookie counts only under the name for which it was made.

use std::borrow::Cow;

use cookie::CookieJar;
pub use cookie::time;
pub use cookie::{Cookie, CookieBuilder, Expiration, Key, KeyError, SameSite};

use ringlane_protocol::cookie as codec;

use crate::{Context, Error, Result};

/// One cookie's name and value together, in bytes; browsers keep no longer ones.
pub const COOKIE_BYTES_MAX: usize = 4096;

impl Context {
    /// The value of a cookie that the client sent, decoded, the first of that name. A value in
    /// quotes is given without them.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// let theme = ctx.cookie("theme").unwrap_or("light".into());
    /// # }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.values_of(name).next()
    }

    /// As [`cookie`](Self::cookie), just as it was sent: with its escapes, and with the quotes
    /// around it.
    pub fn raw_cookie(&self, name: &str) -> Option<&str> {
        let mut of_name = self.raw_cookies().filter(|(known, _)| *known == name);
        of_name.next().map(|(_, value)| value)
    }

    /// Names and decoded values of all cookies that the client sent, in order. One that is not
    /// UTF-8 is left out, and no other with it.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let decoded = |value| codec::decode(codec::unquoted(value));
        self.raw_cookies()
            .map(move |(name, value)| (name, decoded(value)))
    }

    fn raw_cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.head.header_all("Cookie").flat_map(pairs)
    }

    /// The value of a cookie that was set by [`set_signed_cookie`](Self::set_signed_cookie) under
    /// this name and with the same key. What was changed since is as if it were not there.
    pub fn signed_cookie(&self, name: &str, key: &Key) -> Option<String> {
        let jar = CookieJar::new();
        self.open(name, |value| {
            let (mac, value) = value.split_at_checked(MAC_BYTES)?;
            let signed = format!("{mac}{}", bound(name, value));
            jar.signed(key).verify(Cookie::new("", signed))?;
            Some(value.to_owned())
        })
    }

    /// The value of a cookie that was set by [`set_private_cookie`](Self::set_private_cookie) under
    /// this name and with the same key. What was changed since is as if it were not there.
    pub fn private_cookie(&self, name: &str, key: &Key) -> Option<String> {
        let jar = CookieJar::new();
        self.open(name, |value| {
            let sealed = Cookie::new(name.to_owned(), value.to_owned());
            let opened = jar.private(key).decrypt(sealed)?;
            Some(opened.value().to_owned())
        })
    }

    /// Has the client keep a cookie, in place of an equally named one that this answer has for the
    /// same path and domain.
    ///
    /// Without attributes it is kept until the browser is closed, for the folder that the request's
    /// path is in, and scripts may read it: see [`Cookie`] for what else there is.
    ///
    /// Its value may be any text: what a cookie cannot carry is percent-encoded.
    ///
    /// # Errors
    ///
    /// If it cannot be a cookie; returned from a handler it is a 500, and the log says why. The
    /// name must be a token, the path begin with `/` and have no semicolon, and the domain be a
    /// host's name without a port; name and encoded value have [`COOKIE_BYTES_MAX`] together; and
    /// `__Secure-`, `__Host-`, `SameSite=None` and `Partitioned` ask for what browsers ask for.
    ///
    /// ```
    /// use ringlane::cookies::{Cookie, time};
    /// use ringlane::{Context, Result};
    ///
    /// fn handler(ctx: Context) -> Result {
    ///     let theme = Cookie::build(("theme", "dark; blue"));
    ///     ctx.set_cookie(theme.path("/").max_age(time::Duration::days(30)))?;
    ///     Ok(())
    /// }
    /// ```
    pub fn set_cookie<'c>(&self, cookie: impl Into<Cookie<'c>>) -> Result<&Self> {
        let mut cookie = cookie.into();
        let encoded = codec::encode(cookie.value()).into_owned();
        cookie.set_value(encoded);
        self.set_raw_cookie(cookie)
    }

    /// As [`set_cookie`](Self::set_cookie), with a value that is written as it is.
    ///
    /// # Errors
    ///
    /// As there; and if the value has white space, quotes, commas, semicolons, backslashes or
    /// anything beyond ASCII. Quotes may stand around it.
    pub fn set_raw_cookie<'c>(&self, cookie: impl Into<Cookie<'c>>) -> Result<&Self> {
        let cookie = cookie.into();
        if let Some(flaw) = flaw(&cookie) {
            return Err(Error::internal(format!(
                "cookie {:?}: {flaw}",
                cookie.name()
            )));
        }
        self.write_cookie(&cookie);
        Ok(self)
    }

    /// Has the client keep a cookie that it can read and not change, nor use under another name.
    /// 44 characters are put before its value. Besides, as [`set_cookie`](Self::set_cookie).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn set_signed_cookie(
        &self,
        cookie: impl Into<Cookie<'static>>,
        key: &Key,
    ) -> Result<&Self> {
        let mut cookie = cookie.into();
        let signed = mac(cookie.name(), cookie.value(), key) + cookie.value();
        cookie.set_value(signed);
        self.set_cookie(cookie)
    }

    /// Has the client keep a cookie that it can neither read nor change. Besides, as
    /// [`set_cookie`](Self::set_cookie).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn set_private_cookie(
        &self,
        cookie: impl Into<Cookie<'static>>,
        key: &Key,
    ) -> Result<&Self> {
        let cookie = cookie.into();
        let name = cookie.name().to_owned();
        let mut jar = CookieJar::new();
        jar.private_mut(key).add(cookie);
        match jar.get(&name) {
            Some(sealed) => self.set_cookie(sealed.clone()),
            None => Ok(self),
        }
    }

    /// Has the client forget a cookie: give the name, and the path and domain for which it was set.
    ///
    /// # Errors
    ///
    /// As of [`set_cookie`](Self::set_cookie).
    ///
    /// ```
    /// use ringlane::cookies::Cookie;
    /// use ringlane::{Context, Result};
    ///
    /// fn handler(ctx: Context) -> Result {
    ///     ctx.remove_cookie(Cookie::build("theme").path("/"))?.text("forgotten");
    ///     Ok(())
    /// }
    /// ```
    pub fn remove_cookie<'c>(&self, cookie: impl Into<Cookie<'c>>) -> Result<&Self> {
        let mut cookie = cookie.into();
        cookie.set_value("");
        cookie.set_max_age(time::Duration::ZERO);
        cookie.set_expires(time::OffsetDateTime::UNIX_EPOCH); // for those who know no Max-Age
        self.set_cookie(cookie)
    }

    fn values_of(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let of_name = self.cookies().filter(move |(known, _)| *known == name);
        of_name.map(|(_, value)| value)
    }

    /// The first value of that name that opens: someone else may have set another beside it.
    fn open(&self, name: &str, open: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.values_of(name).find_map(|value| open(&value))
    }

    /// RFC 6265 §4.1.1: one answer has no cookie twice.
    fn write_cookie(&self, cookie: &Cookie<'_>) {
        let mut others = Vec::new();
        if self.response_header(LINE).is_some() {
            let headers = self.0.reply.headers.borrow();
            let lines = headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(LINE));
            others.extend(lines.map(|(_, value)| value.to_owned()));
        }
        let known = others.len();
        others.retain(|line| !is_same(line, cookie));
        if others.len() < known {
            self.remove_header(LINE);
            for line in others {
                self.add_header(LINE, line);
            }
        }
        self.add_header(LINE, cookie.to_string());
    }
}

const LINE: &str = "Set-Cookie";
/// An HMAC with SHA-256, in base64: what the crate puts before a value that it signs.
const MAC_BYTES: usize = 44;

/// What is signed. The crate would sign the value alone, which a client could then send under
/// another name. No name has a semicolon, so this is one name and one value.
fn bound(name: &str, value: &str) -> String {
    format!("{name};{value}")
}

fn mac(name: &str, value: &str, key: &Key) -> String {
    let mut jar = CookieJar::new();
    jar.signed_mut(key).add(Cookie::new("", bound(name, value)));
    let signed = jar.get("").map(Cookie::value).unwrap_or_default();
    signed.get(..MAC_BYTES).unwrap_or_default().to_owned()
}

/// Whether a line sets the cookie with this name, path and domain.
fn is_same(line: &[u8], cookie: &Cookie<'_>) -> bool {
    let line = str::from_utf8(line).ok();
    let known = line.and_then(|line| Cookie::parse(line).ok());
    known.is_some_and(|known| {
        known.name() == cookie.name()
            && known.path() == cookie.path()
            && known.domain() == cookie.domain()
    })
}

/// Names and values of one line. What is no UTF-8 is passed over, whatever stands beside it.
fn pairs(line: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    line.split(|byte| *byte == b';')
        .filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='))
        .map(|(name, value)| (trimmed(name), trimmed(value)))
}

/// RFC 6265 §5.2: nothing but spaces and tabs stands around names and values. A name behind other
/// white space is another name: browsers do not hold it to what `__Host-` asks for.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Why something cannot be a cookie.
fn flaw(cookie: &Cookie<'_>) -> Option<&'static str> {
    let name = cookie.name();
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Some("its name must be a token");
    }
    let value = cookie.value();
    if !codec::is_value(value) {
        return Some("its value must be encoded, as `set_cookie` does");
    }
    if name.len() + value.len() > COOKIE_BYTES_MAX {
        return Some("it is longer than browsers keep");
    }
    // RFC 6265 §5.2.4: for browsers any other path is none.
    let is_path = |path: &str| path.starts_with('/') && path.bytes().all(is_path_byte);
    if !cookie.path().is_none_or(is_path) {
        return Some("its path must be ASCII that begins with `/`, without semicolons");
    }
    let is_domain = |domain: &str| !domain.is_empty() && domain.bytes().all(is_domain_byte);
    if !cookie.domain().is_none_or(is_domain) {
        return Some("its domain must be the name of a host, in ASCII and without a port");
    }
    flaw_of_promises(cookie)
}

/// What browsers ask of those who use certain names and attributes.
fn flaw_of_promises(cookie: &Cookie<'_>) -> Option<&'static str> {
    let name = cookie.name();
    let is_secure = cookie.secure().unwrap_or(false);
    let starts = |prefix: &str| {
        let start = name.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if starts("__Secure-") && !is_secure {
        return Some("`__Secure-` asks for Secure");
    }
    if starts("__Host-") && !(is_secure && cookie.path() == Some("/") && cookie.domain().is_none())
    {
        return Some("`__Host-` asks for Secure, the path `/` and no domain");
    }
    // The crate sets Secure by itself where nobody has said anything.
    let wants_secure = cookie.same_site() == Some(SameSite::None);
    if (wants_secure || cookie.partitioned() == Some(true)) && cookie.secure() == Some(false) {
        return Some("`SameSite=None` and `Partitioned` ask for Secure");
    }
    None
}

/// RFC 9110 §5.6.2: `tchar`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6265 §4.1.1: `path-value`.
fn is_path_byte(byte: u8) -> bool {
    byte == b' ' || (byte.is_ascii_graphic() && byte != b';')
}

/// RFC 1123 §2.1, and the underscore, which some names have.
fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests;
