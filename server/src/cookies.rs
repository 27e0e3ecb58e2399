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
//!     ctx.set_private_cookie(cookie, key).text(format!("{visits} visits before"));
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
//! - What could end a cookie, or its line, is refused: in its name, its value, and its attributes.
//! - A signed or private cookie counts only under the name for which it was made.

use std::borrow::Cow;
use std::fmt::Write as _;

use cookie::CookieJar;
pub use cookie::time;
pub use cookie::{Cookie, CookieBuilder, Expiration, Key, KeyError, SameSite};

use crate::Context;

/// One cookie's name and value together, in bytes; browsers keep no longer ones.
pub const COOKIE_BYTES_MAX: usize = 4096;

impl Context {
    /// The value of a cookie that the client sent, the first of that name. A value in quotes is
    /// given without them.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// let theme = ctx.cookie("theme").unwrap_or("light");
    /// # }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.values_of(name).next()
    }

    /// Names and values of all cookies that the client sent, in order. One that is not UTF-8 is left
    /// out, and no other with it.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.head.header_all("Cookie");
        lines
            .flat_map(|line| line.split(|&byte| byte == b';'))
            .filter_map(|pair| str::from_utf8(pair).ok())
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (trimmed(name), unquoted(trimmed(value))))
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
    /// What cannot be a cookie makes the answer a 500, and the log says why: a name that is no
    /// token; a value with white space, quotes, commas, semicolons, backslashes or anything beyond
    /// ASCII (encode those, for instance as base64); a path or domain with a semicolon; a name and
    /// value of more than [`COOKIE_BYTES_MAX`] together; `__Secure-`, `__Host-`, `SameSite=None`
    /// and `Partitioned` without what browsers ask of them.
    ///
    /// ```
    /// use ringlane::cookies::{Cookie, time};
    ///
    /// # fn handler(ctx: ringlane::Context) {
    /// let theme = Cookie::build(("theme", "dark")).path("/").max_age(time::Duration::days(30));
    /// ctx.set_cookie(theme).text("dark it is");
    /// # }
    /// ```
    pub fn set_cookie<'c>(&self, cookie: impl Into<Cookie<'c>>) -> &Self {
        let cookie = cookie.into();
        match flaw(&cookie) {
            Some(flaw) => self.fault(format_args!("cookie {:?}: {flaw}", cookie.name())),
            None => self.write_cookie(&cookie),
        }
        self
    }

    /// Has the client keep a cookie that it can read and not change, nor use under another name.
    /// 44 characters are put before its value. Besides, as [`set_cookie`](Self::set_cookie).
    pub fn set_signed_cookie(&self, cookie: impl Into<Cookie<'static>>, key: &Key) -> &Self {
        let mut cookie = cookie.into();
        let signed = mac(cookie.name(), cookie.value(), key) + cookie.value();
        cookie.set_value(signed);
        self.set_cookie(cookie)
    }

    /// Has the client keep a cookie that it can neither read nor change. Its value may be any text.
    /// Besides, as [`set_cookie`](Self::set_cookie).
    pub fn set_private_cookie(&self, cookie: impl Into<Cookie<'static>>, key: &Key) -> &Self {
        let cookie = cookie.into();
        let name = cookie.name().to_owned();
        let mut jar = CookieJar::new();
        jar.private_mut(key).add(cookie);
        match jar.get(&name) {
            Some(sealed) => self.set_cookie(sealed.clone()),
            None => self,
        }
    }

    /// Has the client forget a cookie: give the name, and the path and domain for which it was set.
    ///
    /// ```
    /// use ringlane::cookies::Cookie;
    ///
    /// # fn handler(ctx: ringlane::Context) {
    /// ctx.remove_cookie(Cookie::build("theme").path("/")).text("forgotten");
    /// # }
    /// ```
    pub fn remove_cookie<'c>(&self, cookie: impl Into<Cookie<'c>>) -> &Self {
        let mut cookie = cookie.into();
        cookie.set_value("");
        cookie.set_max_age(time::Duration::ZERO);
        cookie.set_expires(time::OffsetDateTime::UNIX_EPOCH); // for those who know no Max-Age
        self.set_cookie(cookie)
    }

    fn values_of(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = self.cookies().filter(move |(known, _)| *known == name);
        of_name.map(|(_, value)| value)
    }

    /// The first value of that name that opens: someone else may have set another beside it.
    fn open(&self, name: &str, open: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.values_of(name).find_map(open)
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
/// another name. Neither names nor values have a semicolon, so this is one name and one value.
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

/// RFC 6265 §5.2: nothing but spaces and tabs stands around names and values. A name behind other
/// white space is another name: browsers do not hold it to what `__Host-` asks for.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn unquoted(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// Why something cannot be a cookie.
fn flaw(cookie: &Cookie<'_>) -> Option<Cow<'static, str>> {
    let name = cookie.name();
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Some("its name must be a token".into());
    }
    let value = cookie.value();
    if let Some(letter) = unquoted(value)
        .chars()
        .find(|letter| !is_cookie_letter(*letter))
    {
        let mut flaw = String::from("its value cannot hold ");
        let _ = write!(flaw, "{letter:?}"); // writing to a `String` cannot fail
        return Some(flaw.into());
    }
    if name.len() + value.len() > COOKIE_BYTES_MAX {
        return Some("it is longer than browsers keep".into());
    }
    for attribute in [cookie.path(), cookie.domain()].into_iter().flatten() {
        if attribute
            .bytes()
            .any(|byte| byte == b';' || !(0x20..0x7f).contains(&byte))
        {
            return Some("its path and domain must be ASCII without semicolons".into());
        }
    }
    let is_secure = cookie.secure().unwrap_or(false);
    let starts = |prefix: &str| {
        let start = name.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if starts("__Secure-") && !is_secure {
        return Some("`__Secure-` asks for Secure".into());
    }
    if starts("__Host-") && !(is_secure && cookie.path() == Some("/") && cookie.domain().is_none())
    {
        return Some("`__Host-` asks for Secure, the path `/` and no domain".into());
    }
    // The crate sets Secure by itself where nobody has said anything.
    let wants_secure = cookie.same_site() == Some(SameSite::None);
    if (wants_secure || cookie.partitioned() == Some(true)) && cookie.secure() == Some(false) {
        return Some("`SameSite=None` and `Partitioned` ask for Secure".into());
    }
    None
}

/// RFC 9110 §5.6.2: `tchar`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6265 §4.1.1: `cookie-octet`.
fn is_cookie_letter(letter: char) -> bool {
    letter.is_ascii_graphic() && !matches!(letter, '"' | ',' | ';' | '\\')
}

#[cfg(test)]
mod tests;
