//! What a client thinks of each content coding: `Accept-Encoding` (RFC 9110 §12.5.3).
//!
//! Always true here:
//! - Nothing is allocated, and the header is read once.
//! - A member that is malformed says nothing, neither yes nor no.

use crate::middleware::Coding;

/// A weight in thousandths (RFC 9110 §12.4.2).
type Weight = u16;

const WEIGHT_MAX: Weight = 1000;
/// Codings that there can be.
const CODINGS_MAX: usize = 4;
const _: () = assert!(Coding::ALL.len() <= CODINGS_MAX);

/// The weights that a request gives.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// As in [`Coding::ALL`].
    codings: [Option<Weight>; CODINGS_MAX],
    identity: Option<Weight>,
    /// Of whatever is not named: `*`.
    others: Option<Weight>,
}

impl Weights {
    pub(super) fn of<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut weights = Self::default();
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("Accept-Encoding") {
                for member in value.split(|byte| *byte == b',') {
                    weights.note(member);
                }
            }
        }
        weights
    }

    /// Notes one member: `name` or `name;q=weight`. Of a name that comes twice the first counts.
    fn note(&mut self, member: &[u8]) {
        let mut parts = member.splitn(2, |byte| *byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let Some(weight) = parts.next().map_or(Some(WEIGHT_MAX), weight) else {
            return;
        };
        let place = if name == b"*" {
            &mut self.others
        } else if name.eq_ignore_ascii_case(b"identity") {
            &mut self.identity
        } else if let Some(coding) = Coding::named(name) {
            &mut self.codings[place_of(coding)]
        } else {
            return;
        };
        place.get_or_insert(weight);
    }

    /// The coding that is liked best, and better than none at all; of equals the first of `ours`.
    pub(super) fn choose(&self, ours: &[(Coding, u8)]) -> Option<(Coding, u8)> {
        let weight = |coding| self.codings[place_of(coding)].or(self.others);
        let mut best = None;
        let mut most = 0; // a weight of 0 means: not acceptable
        for &(coding, level) in ours {
            let weight = weight(coding).unwrap_or(0);
            if weight > most {
                most = weight;
                best = Some((coding, level));
            }
        }
        // Whoever gives no weight to an answer without a coding would rather have one.
        best.filter(|_| self.identity.unwrap_or(0) <= most)
    }

    /// Whether an answer without a coding will do: unless it is excluded, by name or with all
    /// others.
    pub(super) fn accept_identity(&self) -> bool {
        self.identity.or(self.others) != Some(0)
    }
}

fn place_of(coding: Coding) -> usize {
    let place = Coding::ALL.iter().position(|known| *known == coding);
    place.unwrap_or_default() // all of them are there
}

/// What a member says about its weight; `None` if it says it wrongly.
fn weight(parameter: &[u8]) -> Option<Weight> {
    match parameter.trim_ascii() {
        [b'q' | b'Q', b'=', value @ ..] => ringlane_protocol::weight(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
