//! Queries as types of the user's.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::Context;
use super::request::parse;
use crate::{Result, StatusCode, fields};

impl Context {
    /// All values of a name in the query, decoded and parsed, in order. Without any it is empty.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter, if one of them cannot be parsed.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// fn sum(ctx: Context) -> Result { // for `/sum?n=1&n=2`
    ///     let numbers: Vec<i64> = ctx.query_all("n")?;
    ///     ctx.text(numbers.iter().sum::<i64>().to_string());
    ///     Ok(())
    /// }
    /// ```
    pub fn query_all<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Vec<T>> {
        self.query_pairs()
            .filter(|(known, _)| known == name)
            .map(|(_, text)| parse("query parameter", name, Some(&text)))
            .collect()
    }

    /// The whole query as a value. Names that come several times fill a `Vec`, and are an error for
    /// any other type; names that the type does not have are passed over. A name without a value
    /// (`?n=`) is `None` for an `Option` of a number. Numbers in a part that serde flattens need
    /// [`fields::parsed`](crate::fields::parsed). There may be
    /// [`FIELDS_MAX`](crate::FIELDS_MAX) fields.
    ///
    /// # Errors
    ///
    /// 400 that names the field.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Page {
    ///     number: u32,
    ///     #[serde(default)]
    ///     tag: Vec<String>,
    /// }
    ///
    /// fn list(ctx: Context) -> Result { // for `/list?number=2&tag=a&tag=b`
    ///     let page: Page = ctx.query_as()?;
    ///     ctx.text_fmt(format_args!("page {} of {:?}", page.number, page.tag));
    ///     Ok(())
    /// }
    /// ```
    pub fn query_as<T: DeserializeOwned>(&self) -> Result<T> {
        let query = self.query_string().unwrap_or_default();
        fields::decode("query", query.as_bytes(), StatusCode::BAD_REQUEST)
    }
}
