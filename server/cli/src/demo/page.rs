//! The page at `/`: what runs, and what to try.

use ringlane::Context;

const TEMPLATE: &str = include_str!("index.html");

/// Answers with the page; `facts` are the driver's description and the count of workers.
pub(crate) fn show(ctx: &Context, (driver, workers): (&str, usize), has_dashboard: bool) {
    let dashboard = match has_dashboard {
        true => r#"<p><a href="/_ringlane/">Dashboard</a>: the server at work, live.</p>"#,
        false => "",
    };
    let page = TEMPLATE
        .replace("{dashboard}", dashboard)
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{driver}", &escape(driver).replace('|', "|<wbr>"))
        .replace("{workers}", &workers.to_string())
        .replace("{host}", &escape(ctx.client_host()));
    ctx.html(page);
}

/// The host is the client's own text; it must not become markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_become_markup() {
        assert_eq!(escape("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
